"""
The life of a host: bind, load, listen, serve, drain, end.

`ServiceHost` is `eas-host`. The host of `python app.py`, whose program loads the processor itself, is in `sidecar`.
Signals: the first SIGINT, SIGTERM or SIGHUP drains, and a SIGINT after it ends the host at once. SIGQUIT, as to a JVM,
has the workers log where their threads are.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import quote

import uvloop

from eas_host import log
from eas_host.config import HostConfig
from eas_host.config.option_types import Address
from eas_host.deploy.deployment import Deployment, Prepare
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.workers import Workers
from eas_host.errors import LoadError
from eas_host.front import listener
from eas_host.front.front import Front
from eas_host.front.plane.acceptor import Acceptor
from eas_host.service.service_manager import ServiceManager
from eas_host.service.service_version import ServiceVersion
from eas_runtime import signals
from eas_runtime.messages import LogStacks

if TYPE_CHECKING:
    from eas_host.service.reloader import Reloader

FORCED_EXIT_CODE: Final = 130
"""Exit code after the second Ctrl+C: 128 + SIGINT, as shells report it."""


def run(
    deployment: Deployment,
    prepare: Prepare,
    print_banner: Banner | None = None,
    on_started: Callable[[], None] | None = None,
) -> int:
    """
    Serve until a signal ends it.

    Args:
        deployment: what to serve.
        prepare: makes the next version, for --reload.
        print_banner: prints further lines once the address is known, before those that every start prints.
        on_started: called when the service takes requests and all lines are printed.

    Returns:
        0 after a clean stop.

    Raises:
        HostError: the host cannot start, or the processor cannot be loaded any more.
    """
    return run_host(deployment.config, lambda loop: ServiceHost(loop, deployment, prepare, print_banner, on_started))


def run_host(config: HostConfig, make: Callable[[asyncio.AbstractEventLoop], ServiceHost]) -> int:
    """
    Serve with the host that *make* makes, until a signal ends it.

    Returns:
        0 after a clean stop.

    Raises:
        HostError: as `run`.
    """
    log.configure(config.log_level, config.log_format)
    log.write_in_background()
    signals.ignore_unused()
    raise_file_limit()
    loop = make_loop()
    host = make(loop)
    try:
        host.workers.run(lambda: loop.run_until_complete(host.run()))
    finally:
        signals.ignore_further_stops()
        host.close()
    if host.workers.leaves_threads:
        # Python's own end would stop them wherever they are. C++ code that is there ends the process by `abort` then.
        if log.flush():
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)
    return 0


class Host:
    """
    The front, and the version of the service that it serves.

    Args:
        loop: runs the front.
        config: the options.

    Attributes:
        config: the options.
        loop: runs the front.
        front: what all connections share.
        stopping: a future that is done when the host is to stop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig) -> None:
        self.loop = loop
        self.config = config
        self._sockets = listener.bind(config.listen)
        self.front = Front(loop, config, self.stop)
        self.stopping: asyncio.Future[None] = loop.create_future()
        self._fatal: LoadError | None = None
        self._acceptors: list[Acceptor | asyncio.AbstractServer] = []

    async def listen(self) -> None:
        """
        Begin to accept connections.
        """
        for sock in self._sockets:
            try:
                sock.listen(listener.BACKLOG)
                self._acceptors.append(await self.front.accept(sock))
            except OSError as error:
                # Two programs may bind the same address; the first one that listens gets it.
                raise listener.bind_error(self.config.listen, error) from error
        addresses = [sock.getsockname()[0] for sock in self._sockets]
        warning = listener.exposure_warning(addresses, has_token=self.front.auth.required)
        if warning is not None:
            log.warning("%s", warning)

    async def serve_until_stopped(self) -> None:
        """
        Serve until the host is to stop, answer the requests in flight, and end the workers.

        Raises:
            LoadError: the processor could not be loaded any more.
        """
        gc.freeze()  # the garbage collector need not scan objects that live as long as the host
        await self.stopping
        await self.stop_others()
        await self._drain()
        await asyncio.gather(*(backend.workers.stop() for backend in self.front.state.backends))
        if self._fatal is not None:
            raise self._fatal

    async def stop_others(self) -> None:
        """
        Stop the tasks of the host other than serving.
        """

    def stop(self) -> None:
        """
        Stop after the last response. From here on no connection is accepted, and each response closes its own.
        """
        if not self.stopping.done():
            for acceptor in self._acceptors:
                acceptor.close()
            self.front.begin_drain()
            self.stopping.set_result(None)

    def on_fatal(self, error: LoadError) -> None:
        """
        Stop, because the processor cannot be loaded any more.
        """
        self._fatal = error
        self.stop()

    def close(self) -> None:
        """
        Kill the workers, and close the front, the rings' readers and the sockets.
        """
        self.kill_workers()
        self.front.close()
        for backend in self.front.state.backends:
            backend.dispatcher.close()
        for sock in self._sockets:
            sock.close()

    def kill_workers(self) -> None:
        """
        Kill all workers.
        """
        for backend in self.front.state.backends:
            backend.workers.kill()

    @property
    def port(self) -> int:
        """
        The port that the host listens on.
        """
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """
        The URL of the service.
        """
        address = Address(*self._sockets[0].getsockname()[:2])
        return f"http://{address.authority}/api/predict/{quote(self.front.state.name)}"

    def watch_signals(self) -> None:
        """
        Stop after SIGINT, SIGTERM or SIGHUP.
        """
        for number in signals.STOP:
            # A host that is started with `nohup` must outlive the terminal. A shell also makes its background commands
            # ignore SIGINT, but nobody has asked for that.
            if number != signal.SIGHUP or not signals.is_ignored(number):
                signals.install_handler(number, partial(self.loop.add_signal_handler, number, self._on_signal, number))

    async def _drain(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.front.drain(), self.config.grace_period)
            return
        log.warning("requests were still running after the grace period of %g s", self.config.grace_period)
        for backend in self.front.state.backends:
            backend.dispatcher.give_up("the host is stopping")
        self.kill_workers()

    def _on_signal(self, number: signal.Signals) -> None:
        if self.stopping.done():
            if number == signal.SIGINT:
                self._quit_at_once()
            return  # supervisors repeat the signal, with the same meaning
        self.stop()
        log.announce("[INFO] shutting down context ... press Ctrl+C again to force quit")

    def _quit_at_once(self) -> NoReturn:
        self.kill_workers()
        log.flush()
        os._exit(FORCED_EXIT_CODE)


class ServiceHost(Host):
    """
    A host that loads the processors itself, in its own workers.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deployment: Deployment,
        prepare: Prepare,
        print_banner: Banner | None,
        on_started: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(loop, deployment.config)
        self._print_banner = print_banner
        self._on_started = on_started
        self._manager = ServiceManager(loop)
        self._version = ServiceVersion(self.front, deployment, self.on_fatal)
        self._reloader: Reloader | None = None
        if deployment.config.reload:
            from eas_host.service.reloader import Reloader  # noqa: PLC0415  most hosts do not need it

            self._reloader = Reloader(self.front, self._version, prepare, self.on_fatal)

    @property
    def workers(self) -> Workers:
        """
        The workers of the first processor.
        """
        return self._backend.workers

    @property
    def _backend(self) -> Backend:
        return self._version.backends[0]

    async def run(self) -> None:
        """
        Load, serve, and stop after a signal.

        Raises:
            LoadError: a processor cannot be loaded, at the start or later.
        """
        self.watch_signals()
        loading = self.loop.create_task(self._version.load())
        await asyncio.wait([loading, self.stopping], return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            loading.cancel()
            return
        loading.result()
        deployment = self._version.deployment
        self.front.serve(deployment.name, deployment.config, self._version.backends)
        await self.listen()
        self._warn_of_root()
        self._announce()
        if self._reloader is not None:
            self._reloader.start()
        await self.serve_until_stopped()

    def stop(self) -> None:
        """
        Also tell the service manager.
        """
        if not self.stopping.done():
            self._manager.tell_stopping()
        super().stop()

    async def stop_others(self) -> None:
        """
        Stop the reloading: no other version takes over any more.
        """
        if self._reloader is not None:
            await self._reloader.stop()

    def on_fatal(self, error: LoadError) -> None:
        """
        Stop, because a processor cannot be loaded any more; not with --reload, where the next version may be better.
        """
        if self._reloader is None:
            super().on_fatal(error)
        else:
            log.error("%s; requests are answered 503 until files change", error.message)

    def watch_signals(self) -> None:
        """
        Also have the workers log their stacks after SIGQUIT.
        """
        super().watch_signals()
        number = signal.SIGQUIT
        signals.install_handler(number, partial(self.loop.add_signal_handler, number, self._log_stacks))

    def _log_stacks(self) -> None:
        log.info("SIGQUIT: each worker with busy threads logs where they are")
        for version in self._versions:
            for backend in version.backends:
                backend.workers.send(LogStacks("SIGQUIT"))

    def kill_workers(self) -> None:
        """
        Kill the workers of all versions.
        """
        for version in self._versions:
            version.kill()

    def close(self) -> None:
        """
        Close everything, and remove what was made for the versions.
        """
        super().close()
        self._manager.close()
        for version in self._versions:
            version.discard()

    @property
    def _versions(self) -> list[ServiceVersion]:
        return [self._version] if self._reloader is None else self._reloader.versions

    def _warn_of_root(self) -> None:
        if os.geteuid() == 0 and self.config.isolation == "process" and not (self.config.user or self.config.sandbox):
            log.warning("running processors as root; --user NAME runs them as another user")

    def _announce(self) -> None:
        if self._print_banner is not None:
            self._print_banner(self)
        if self.config.token is not None and self.config.generate_token:
            log.announce(f"[INFO] Token: [{self.config.token}]")
        log.announce(f"listening on {self.url}")
        log.announce("[INFO] Service start successfully")
        self._manager.tell_ready(f"serves {self.url}")
        if self._on_started is not None:
            self._on_started()


Banner = Callable[[Host], None]


def make_loop() -> asyncio.AbstractEventLoop:
    """
    Make the front's loop. An exception in it, which is a bug of ours, goes to the log: asyncio itself would print it to
    standard error, and wait for the reader of that.
    """
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(
        lambda _, context: log.error("internal error: %s", context["message"], exc_info=context.get("exception"))
    )
    return loop


def raise_file_limit() -> None:
    """
    Allow this process as many open files, and so connections, as the system permits.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
