"""
A version of a service that is loaded: the backends of its processors, which start and end together.

A version is loaded as a whole or not at all, and takes over from the one before as a whole.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.binaries import sanitizer
from eas_host.config import HostConfig
from eas_host.config.host import MAX_THREADS
from eas_host.deploy.deployment import Deployment, ProcessorDeployment
from eas_host.dispatch.backend import Backend, spare_slots, stream_slots
from eas_host.dispatch.limits import EARLY_SLOTS
from eas_host.dispatch.workers import SPARE_WORKERS, Workers
from eas_host.errors import LoadError
from eas_host.front.front import Front
from eas_host.ring import RingSize
from eas_host.service.warm_up import warm_up
from eas_host.system.daemon_threads import run_in_daemon_thread
from eas_host.system.memory import address_space_limit
from eas_runtime.messages import Message
from eas_runtime.worker_spec import WorkerSpec

PYTHON_GROWTH: Final = 4
PYTHON_WORKERS: Final = 64
"""Room in the ring for what Python programs may ask for later: so many times the slots, so many worker processes. It
costs address space, not memory."""
_POLL_SECONDS: Final = 0.05
"""How often a draining version is checked. Nothing waits for its end, and no request should pay for an event."""

_LAST_SECONDS: Final = 1.0
"""How long a request may still run if a worker took it when the grace period was nearly over."""

OnFatal = Callable[[LoadError], None]


class ServiceVersion:
    """
    The processors of *deployment*, for *front*. *on_fatal* is called when one of them cannot be loaded any more.

    Attributes:
        deployment: what was loaded.
        backends: one for each processor.
    """

    def __init__(self, front: Front, deployment: Deployment, on_fatal: OnFatal) -> None:
        self.deployment = deployment
        self.backends: list[Backend] = []
        self._front = front
        self._discarding = threading.Lock()
        self._on_fatal = on_fatal
        try:
            for processor in deployment.processors:
                self.backends.append(_make_backend(front, deployment, processor, self._fail))
        except BaseException:
            self._close()
            self.discard()
            raise

    async def load(self) -> None:
        """
        Load all processors in parallel, and send them the warm-up requests.

        Raises:
            LoadError: one of them cannot be used. The others are still loaded: call `kill` and `end`.
        """
        loads = [asyncio.ensure_future(backend.workers.start()) for backend in self.backends]
        try:
            await asyncio.gather(*loads)
        finally:
            for load in loads:
                load.cancel()
        for processor in self.deployment.processors:
            _announce_sanitizer(processor.spec)
        path = self.deployment.warm_up
        if path is not None:
            keepalive = self.deployment.config.keepalive / 1000
            for backend in self.backends:
                await warm_up(backend, path, keepalive, self._front.budget.max_body)

    async def drain(self, seconds: float) -> None:
        """
        Wait, for at most *seconds*, until this version, after another one has taken over, has answered its requests.
        The requests that no worker has begun by then are answered by the version that serves.
        """
        if await self._is_idle_within(seconds):
            return
        self._hand_over_waiting()
        if await self._is_idle_within(min(seconds, _LAST_SECONDS)):
            return
        log.warning("requests of the old version were still running after %g s", seconds)
        self._hand_over_waiting()
        for backend in self.backends:
            backend.dispatcher.give_up("the old version has ended")
            backend.body_buffers.leave_ring()
        self.kill()

    async def _is_idle_within(self, seconds: float) -> bool:
        """
        Wait, for at most *seconds*, until no request is in flight. Returns whether that is so.
        """
        loop = self._front.state.loop
        end = loop.time() + seconds
        while any(not backend.idle or self._front.builtins.busy(backend) for backend in self.backends):
            if loop.time() > end:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _hand_over_waiting(self) -> None:
        for backend in self.backends:
            self._front.router.submit_waiting(backend)

    async def end(self) -> None:
        """
        End the workers and release all resources. There must be no requests in flight any more.
        """
        await asyncio.gather(*(backend.workers.stop() for backend in self.backends))
        for backend in self.backends:
            if backend.retired:
                self._front.release(backend)
        self._close()
        await run_in_daemon_thread(self.discard)  # removing a workspace with thousands of files takes long

    def kill(self) -> None:
        """
        End its workers now.
        """
        for backend in self.backends:
            backend.workers.kill()

    def _fail(self, backend: Backend, error: LoadError) -> None:
        """
        Handle that the processor of *backend* cannot be loaded any more. If another processor of the version has been
        loaded, the version goes on without this one.
        """
        backend.dispatcher.give_up(error.message)
        if not backend.joined or backend.retired:
            return
        if any(other.workers.proven for other in self.backends):
            log.error("%s%s; its requests are answered 503 until it can be loaded", backend.log_prefix, error.message)
        else:
            self._on_fatal(error)

    def _close(self) -> None:
        for backend in self.backends:
            backend.close()

    def discard(self) -> None:
        """
        Remove what was made for this version. A second caller waits until that is done.
        """
        with self._discarding:
            self.deployment.discard()


def ring_size(config: HostConfig, *, python: bool) -> RingSize:
    """
    Return the size of the ring. A *python* program may ask for more threads, processes and waiting requests while it
    runs, and there is room for them unless the address space is limited; so there is for the requests of
    `--max-in-flight`, of which only the workers know whether there are any.
    """
    at_once = config.worker_threads * (1 if config.batching == "off" else config.max_batch_size)
    capacity = config.max_queue_size + at_once * config.worker_processes
    detached = spare_slots(config, max(0, config.max_in_flight - at_once) * config.worker_processes)
    grows = python and address_space_limit() is None
    return RingSize(
        slots=(PYTHON_GROWTH * capacity if grows else capacity) + detached + EARLY_SLOTS + stream_slots(config),
        workers=(max(config.worker_processes, PYTHON_WORKERS) if python else config.worker_processes) + SPARE_WORKERS,
        threads=MAX_THREADS if python else config.worker_threads,
        max_body=config.max_body,
        max_output=config.max_output,
    )


def _make_backend(
    front: Front, deployment: Deployment, processor: ProcessorDeployment, fail: Callable[[Backend, LoadError], None]
) -> Backend:
    config = deployment.config

    def make_workers(backend: Backend) -> Workers:
        return _make_workers(front, deployment, processor.spec, backend, lambda error: fail(backend, error))

    size = ring_size(config, python=processor.spec.type == "python")
    return Backend(front.backend_context, config, size, make_workers, processor.name)


def _make_workers(
    front: Front, deployment: Deployment, spec: WorkerSpec, backend: Backend, on_fatal: OnFatal
) -> Workers:
    loop, config = front.state.loop, deployment.config
    # Imported late: if workers are processes, the front never imports the code that calls processors.
    if config.isolation == "none":
        from eas_host.workers.in_process import InProcessWorker  # noqa: PLC0415

        return InProcessWorker(loop, spec, backend.ring, backend.dispatcher, backend.on_message)
    from eas_host.crash_reports.reporter import CrashReporter  # noqa: PLC0415
    from eas_host.workers.process import WorkerProcess  # noqa: PLC0415
    from eas_host.workers.supervisor import Supervisor  # noqa: PLC0415
    from eas_host.workers.worker import OnDeath  # noqa: PLC0415

    confinement = None
    if spec.confined:
        from eas_host.sandbox.confinement import Confinement  # noqa: PLC0415

        confinement = Confinement.of(config)

    def spawn(number: int, on_message: Callable[[Message], None], on_death: OnDeath) -> WorkerProcess:
        numbered = spec.replace(worker=number)
        prefix = f"worker {number}: "
        on_report = partial(reporter.report_sanitizer, prefix=prefix)
        return WorkerProcess(loop, backend.ring, numbered, on_message, on_death, on_report, confinement)

    # The supervisor's messages name the entry of this processor, not that of the options.
    config = replace(config, entry=spec.original(spec.entry))
    reporter = CrashReporter(loop, config, backend, deployment.target)
    return Supervisor(loop, config, spawn, backend, lambda: front.state.keepalive, on_fatal, reporter)


def _announce_sanitizer(spec: WorkerSpec) -> None:
    """
    Log which sanitizer the library of *spec* was built with, and if that does not suit the options.
    """
    if spec.type != "cpp" or spec.isolation != "process":
        return
    found = sanitizer.find(Path(spec.entry))
    entry = spec.original(spec.entry)
    if found is not None:
        log.info("%s: built with %s: its workers start with its runtime", entry, found.name)
    if spec.leaks and (found is None or not found.finds_leaks):
        log.warning("--leaks is not used: %s was not built with -fsanitize=address, or leak", entry)
