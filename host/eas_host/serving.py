"""
A host's life: bind, load, listen, serve, drain, end.

Signals: the first SIGINT or SIGTERM drains, the second ends the host at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NoReturn
from urllib.parse import quote

import uvloop

from eas_host import log
from eas_host.config import HostConfig, WorkerSpec
from eas_host.config.host import MAX_THREADS
from eas_host.config.values import Address
from eas_host.config.worker import service_name
from eas_host.errors import ConfigError, LoadError
from eas_host.front import listener
from eas_host.front.connection import Connection
from eas_host.front.context import FrontContext
from eas_host.front.dispatch import Dispatcher
from eas_host.front.limits import EARLY_SLOTS
from eas_host.ring import FrontRing, Shape
from eas_host.workers import Workers

PYTHON_SLOTS: Final = 1024
PYTHON_WORKERS: Final = 64
"""Room in the ring for what python programs ask for later; it costs addresses, not memory."""
FORCED: Final = 130
"""Exit code after the second Ctrl+C: 128 + SIGINT, as shells report it."""


def serve(config: HostConfig) -> int:
    """
    Serve until a signal ends it.

    Returns:
        0 after a clean stop.

    Raises:
        HostError: the host cannot start, or the processor cannot be loaded any more.
    """
    log.configure(config.log_level, config.log_format)
    spec = WorkerSpec.from_config(config)
    raise_file_limit()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    host = Host(loop, config, ring_shape(config, python=spec.type == "python"), lambda host: _make_workers(host, spec))
    host.front.name = service_name(config, spec)
    try:
        host.workers.run(lambda: loop.run_until_complete(host.run()))
    finally:
        host.close()
    return 0


def ring_shape(config: HostConfig, *, python: bool) -> Shape:
    """
    How large the ring is. A *python* program may ask for more threads, processes and waiting requests while it runs.
    """
    capacity = config.max_queue_size + config.worker_threads * config.worker_processes
    return Shape(
        slots=(max(capacity, PYTHON_SLOTS) if python else capacity) + EARLY_SLOTS,
        workers=max(config.worker_processes, PYTHON_WORKERS) if python else config.worker_processes,
        threads=MAX_THREADS if python else config.worker_threads,
        max_body=config.max_body,
        max_output=config.max_output,
    )


class Host:
    """
    Front, ring and workers of one processor.

    Args:
        loop: runs the front.
        config: the options.
        shape: of the ring.
        make_workers: makes what runs the processor, for this host.

    Attributes:
        config: the options.
        loop: runs the front.
        ring: between the front and the workers.
        dispatcher: the front's end of the ring.
        front: what all connections share.
        workers: what runs the processor.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        config: HostConfig,
        shape: Shape,
        make_workers: Callable[[Host], Workers],
    ) -> None:
        self.loop = loop
        self.config = config
        self._sockets = listener.bind(config.listen)
        self.ring = _make_ring(shape)
        threads = config.worker_threads * config.worker_processes
        self.dispatcher = Dispatcher(loop, self.ring, config.max_queue_size + threads, threads)
        self.front = FrontContext(loop, config, self.ring, self.dispatcher)
        self.stopping: asyncio.Future[None] = loop.create_future()
        self._fatal: LoadError | None = None
        self._servers: list[asyncio.AbstractServer] = []
        self.workers = self.front.workers = make_workers(self)
        self.front.on_term = self.stop

    async def run(self) -> None:
        """
        Load, serve, and stop after a signal.

        Raises:
            LoadError: the processor cannot be loaded, at first or any more.
        """
        self.watch_signals()
        loading = self.loop.create_task(self.workers.start())
        await asyncio.wait([loading, self.stopping], return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            self.workers.kill()
            return
        loading.result()
        await self.listen()
        self._announce()
        await self.serve_until_stopped()

    async def listen(self) -> None:
        """
        Accept connections from here on.
        """
        for sock in self._sockets:
            try:
                sock.listen(listener.BACKLOG)
                server = await self.loop.create_server(
                    lambda: Connection(self.front), sock=sock, backlog=listener.BACKLOG
                )
            except OSError as error:
                # Two programs may bind the same address; the first that listens has it.
                raise listener.bind_error(self.config.listen, error) from error
            self._servers.append(server)
        addresses = [sock.getsockname()[0] for sock in self._sockets]
        warning = listener.exposure_warning(addresses, has_token=self.front.auth.required)
        if warning is not None:
            log.warning("%s", warning)

    async def serve_until_stopped(self) -> None:
        """
        Serve until somebody says stop, answer what is under way, and end the workers.

        Raises:
            LoadError: the processor could not be loaded any more.
        """
        gc.freeze()  # what lives as long as the host need not be looked at again
        await self.stopping
        for server in self._servers:
            server.close()
        await self._drain()
        await self.workers.stop()
        if self._fatal is not None:
            raise self._fatal

    def stop(self) -> None:
        """
        Stop, after the last answer.
        """
        if not self.stopping.done():
            self.stopping.set_result(None)

    def on_fatal(self, error: LoadError) -> None:
        """
        The processor cannot be loaded any more.
        """
        self._fatal = error
        self.dispatcher.give_up(error.message)
        self.stop()

    def on_message(self, worker: int, message: dict[str, Any]) -> None:
        """
        Take a *message* of a *worker* to where it belongs.
        """
        if message["event"] == "processes":
            self.front.crew.set_processes(message["count"])
        else:
            self.front.on_message(worker, message)

    def close(self) -> None:
        """
        Give everything back.
        """
        self.workers.kill()
        self.front.close()
        self.dispatcher.close()
        for sock in self._sockets:
            sock.close()

    @property
    def port(self) -> int:
        """
        The port that is listened on.
        """
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """
        What to call.
        """
        address = Address(*self._sockets[0].getsockname()[:2])
        return f"http://{address.authority}/api/predict/{quote(self.front.name)}"

    def watch_signals(self) -> None:
        """
        Stop after SIGINT or SIGTERM.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.add_signal_handler(number, self._on_signal)

    def _announce(self) -> None:
        if self.config.generate_token:
            log.announce(f"[INFO] Token: [{self.config.token}]")
        log.announce(f"listening on {self.url}")
        log.announce("[INFO] Service start successfully")

    async def _drain(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.front.drain(), self.config.grace_period)
            return
        log.warning("requests were still running after the grace period of %g s", self.config.grace_period)
        self.dispatcher.give_up("the host is stopping")
        self.workers.kill()

    def _on_signal(self) -> None:
        if self.stopping.done():
            self._force()
        self.stop()
        log.announce("[INFO] shutting down context ... press Ctrl+C again to force quit")

    def _force(self) -> NoReturn:
        self.workers.kill()
        os._exit(FORCED)


def _make_workers(host: Host, spec: WorkerSpec) -> Workers:
    # Imported late: with a process of its own, the front never sees the code that calls processors.
    if host.config.isolation == "none":
        from eas_host.workers.local import LocalWorker  # noqa: PLC0415

        return LocalWorker(host.loop, spec, host.ring, host.dispatcher, host.on_message)
    from eas_host.workers.process import WorkerProcess  # noqa: PLC0415
    from eas_host.workers.supervisor import Supervisor  # noqa: PLC0415

    def spawn(
        number: int, on_event: Callable[[dict[str, Any]], None], on_death: Callable[[int], None]
    ) -> WorkerProcess:
        return WorkerProcess(host.loop, host.ring, replace(spec, worker=number), on_event, on_death)

    return Supervisor(host.loop, host.config, spawn, host.ring, host.dispatcher, host.on_fatal, host.on_message)


def _make_ring(shape: Shape) -> FrontRing:
    try:
        return FrontRing(shape)
    except OSError as error:
        advice = "lower --max-queue-size, --worker-processes, --worker-threads, --max-body or --max-output"
        raise ConfigError(f"{error}; {advice}") from error


def raise_file_limit() -> None:
    """
    Allow as many connections as the system lets this process have.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
