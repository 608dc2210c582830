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
import socket
from typing import Final, NoReturn, Protocol
from urllib.parse import quote

import uvloop

from eas_host import log
from eas_host.config import HostConfig, WorkerSpec
from eas_host.config.worker import service_name
from eas_host.errors import ConfigError, LoadError
from eas_host.front import listener
from eas_host.front.connection import Connection
from eas_host.front.context import FrontContext
from eas_host.front.dispatch import Dispatcher
from eas_host.front.limits import EARLY_SLOTS
from eas_host.ring import FrontRing, Shape

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
FORCED: Final = 130
"""Exit code after the second Ctrl+C: 128 + SIGINT, as shells report it."""


class Workers(Protocol):
    """
    What runs the processor: `workers.supervisor.Supervisor` or `workers.local.LocalWorker`.
    """

    async def start(self) -> None:
        """
        Load the processor.
        """

    async def stop(self) -> None:
        """
        End, after the last request.
        """

    def kill(self) -> None:
        """
        End now.
        """


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
    _raise_file_limit()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    host = Host(loop, config, spec)
    try:
        loop.run_until_complete(host.run())
    finally:
        host.close()
    return 0


class Host:
    """
    Front, ring and workers of one processor.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig, spec: WorkerSpec) -> None:
        self._loop = loop
        self._config = config
        self._name = service_name(config, spec)
        self._sockets = listener.bind(config.listen)
        threads = config.worker_threads * config.worker_processes
        capacity = config.max_queue_size + threads
        shape = Shape(
            slots=capacity + EARLY_SLOTS,
            workers=config.worker_processes,
            threads=config.worker_threads,
            max_body=config.max_body,
            max_output=config.max_output,
        )
        self._ring = _make_ring(shape)
        self._dispatcher = Dispatcher(loop, self._ring, capacity, threads)
        self._front = FrontContext(loop, config, self._ring, self._dispatcher)
        self._workers = self._make_workers(spec)
        self._stopping = loop.create_future()
        self._fatal: LoadError | None = None

    async def run(self) -> None:
        """
        Load, serve, and stop after a signal.

        Raises:
            LoadError: the processor cannot be loaded, at first or any more.
        """
        if self._config.isolation == "process":
            self._watch_signals()
        else:
            # The processor loads on this thread: until it returns, nobody could act on a signal but the kernel.
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
        loading = self._loop.create_task(self._workers.start())
        await asyncio.wait([loading, self._stopping], return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            self._workers.kill()
            return
        loading.result()
        self._watch_signals()
        servers = [await self._listen(sock) for sock in self._sockets]
        self._announce()
        gc.freeze()  # what lives as long as the host need not be looked at again
        await self._stopping
        for server in servers:
            server.close()
        await self._drain()
        await self._workers.stop()
        if self._fatal is not None:
            raise self._fatal

    def close(self) -> None:
        """
        Give everything back.
        """
        self._workers.kill()
        self._front.close()
        self._dispatcher.close()
        for sock in self._sockets:
            sock.close()

    def _watch_signals(self) -> None:
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._on_signal)

    async def _listen(self, sock: socket.socket) -> asyncio.AbstractServer:
        try:
            sock.listen(listener.BACKLOG)
            return await self._loop.create_server(lambda: Connection(self._front), sock=sock, backlog=listener.BACKLOG)
        except OSError as error:
            # Two programs may bind the same address; the first that listens has it.
            raise listener.bind_error(self._config.listen, error) from error

    def _make_workers(self, spec: WorkerSpec) -> Workers:
        # Imported late: with a process of its own, the front never sees the code that calls processors.
        if self._config.isolation == "none":
            from eas_host.workers.local import LocalWorker  # noqa: PLC0415

            return LocalWorker(self._loop, spec, self._ring, self._dispatcher)
        from eas_host.workers.supervisor import Supervisor  # noqa: PLC0415

        return Supervisor(self._loop, self._config, spec, self._ring, self._dispatcher, self._on_fatal)

    def _announce(self) -> None:
        host, port = self._sockets[0].getsockname()[:2]
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        log.announce(f"listening on http://{authority}/api/predict/{quote(self._name)}")
        log.announce("[INFO] Service start successfully")

    async def _drain(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._front.drain(), self._config.grace_period)
            return
        log.warning("requests were still running after the grace period of %g s", self._config.grace_period)
        self._dispatcher.give_up("the host is stopping")
        self._workers.kill()

    def _on_signal(self) -> None:
        if self._stopping.done():
            self._force()
        self._stopping.set_result(None)
        log.announce("[INFO] shutting down context ... press Ctrl+C again to force quit")

    def _on_fatal(self, error: LoadError) -> None:
        self._fatal = error
        self._dispatcher.give_up(error.message)
        if not self._stopping.done():
            self._stopping.set_result(None)

    def _force(self) -> NoReturn:
        self._workers.kill()
        os._exit(FORCED)


def _make_ring(shape: Shape) -> FrontRing:
    try:
        return FrontRing(shape)
    except OSError as error:
        advice = "lower --max-queue-size, --worker-processes, --worker-threads, --max-body or --max-output"
        raise ConfigError(f"{error}; {advice}") from error


def _raise_file_limit() -> None:
    """
    Allow as many connections as the system lets this process have.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
