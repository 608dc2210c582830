"""
A host with jdb in its terminal, attached to the JVM of its worker.

The JVM waits at its start until jdb has set its breakpoints, which it reads from a file that it looks for at home.
Both connect to one port of this host, which passes on what they say: so no port need be free, and nobody else gets in.
The end of jdb is the end of the host. Ctrl+C reaches jdb itself, too, and ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from eas_host.debug.host import DebugHost, OwnRequest
from eas_host.deploy.deployment import Deployment
from eas_host.errors import ConfigError

_READ_SIZE: Final = 64 * 1024
_END_SECONDS: Final = 2.0
"""How long jdb may take to see that the JVM has ended."""
_STARTUP_FILE: Final = ".jdbrc"
_RETRY_SECONDS: Final = 0.02
_SETTLE_SECONDS: Final = 0.3
"""How long jdb gets to print where the JVM has started: some hundred times as long as that takes."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def find_jdb(java_home: str | None) -> str:
    """
    Find jdb in *java_home*, else on the path.

    Raises:
        ConfigError: there is none.
    """
    own = Path(java_home or os.environ.get("JAVA_HOME") or "/nonexistent", "bin", "jdb")
    jdb = str(own) if own.is_file() else shutil.which("jdb")
    if jdb is None:
        raise ConfigError("jdb is not installed: apt-get install default-jdk-headless")
    return jdb


def agent_option(port: int) -> str:
    """
    Return the JVM's option to connect to *port* and wait for a debugger there.
    """
    return f"-agentlib:jdwp=transport=dt_socket,server=n,suspend=y,address=127.0.0.1:{port}"


class JdbHost(DebugHost):
    """
    A `DebugHost` for processors in Java, whose JVM has `agent_option` with the port of *listener*.

    Args:
        loop: runs the front.
        deployment: what to serve.
        request: as in `DebugHost`.
        listener: where the JVM and jdb connect.
        jdb: the command, with where sources are.
        breakpoints: `CLASS.METHOD`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deployment: Deployment,
        request: OwnRequest | None,
        listener: socket.socket,
        jdb: Sequence[str],
        breakpoints: Sequence[str],
    ) -> None:
        super().__init__(loop, deployment, request)
        self._listener = listener
        self._command = jdb
        self._breakpoints = breakpoints
        self._home = TemporaryDirectory(prefix="eas-jdb-")
        self._jvm: Stream | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._jdb_ended = loop.create_future()
        self._resuming: asyncio.Task[None] | None = None
        self._relays: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """
        Load, serve, and stop at the end of jdb or after a signal.

        Raises:
            LoadError: a processor cannot be loaded.
        """
        server = await asyncio.start_server(self._on_connection, sock=self._listener)
        try:
            await super().run()
        finally:
            server.close()
            self.kill_workers()
            if self._process is not None:
                await asyncio.wait([self._jdb_ended], timeout=_END_SECONDS)
                if not self._jdb_ended.done():
                    self._process.kill()
                self._process.wait()
            self._home.cleanup()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = (reader, writer)
        if self._jvm is None:
            self._jvm = stream
            self._start_jdb()
        elif not self._relays:
            self._relays = [
                self.loop.create_task(_relay(source, target))
                for source, target in ((self._jvm[0], writer), (reader, self._jvm[1]))
            ]
        else:
            writer.close()

    def _start_jdb(self) -> None:
        own = Path.home() / _STARTUP_FILE
        lines = [f"read {own}"] if own.is_file() else []
        lines += [f"stop in {place}" for place in self._breakpoints]
        go_on = Path(self._home.name, "resume")
        os.mkfifo(go_on)
        Path(self._home.name, _STARTUP_FILE).write_text("\n".join([*lines, f"read {go_on}", ""]), encoding="utf-8")
        port = self._listener.getsockname()[1]
        command = [self._command[0], f"-J-Duser.home={self._home.name}", *self._command[1:]]
        self._process = subprocess.Popen([*command, "-attach", f"127.0.0.1:{port}"])
        fd = os.pidfd_open(self._process.pid)
        self.loop.add_reader(fd, self._on_jdb_end, fd)
        self._resuming = self.loop.create_task(self._resume(go_on))

    async def _resume(self, go_on: Path) -> None:
        """
        Have jdb, which reads its last command from *go_on*, resume the JVM.

        Not at once: while jdb still prints where the JVM has started, `resume` would take the thread from under it, and
        jdb would handle no event any more (a NullPointerException in TTY.printCurrentLocation, JDK 17).
        """
        while not self._jdb_ended.done():
            try:
                fd = os.open(go_on, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # jdb has not opened it yet
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await asyncio.sleep(_SETTLE_SECONDS)
            with contextlib.suppress(BrokenPipeError):  # jdb has ended
                os.write(fd, b"resume\n")
            os.close(fd)
            return

    def _on_jdb_end(self, fd: int) -> None:
        self.loop.remove_reader(fd)
        os.close(fd)
        self._jdb_ended.set_result(None)
        self.stop()

    def _interrupt(self) -> bool:
        return self._process is not None and not self._jdb_ended.done()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_READ_SIZE):
            writer.write(data)
            await writer.drain()
    writer.close()
