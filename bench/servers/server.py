"""
A server: what is said of it, and its life from its start to its end.

Each start is a fresh process on a fresh port, in a process group of its own. A server has answered one request before
it counts as started, and all its processes are killed: a benchmark that fails leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from servers.tools import TOKEN, BenchError

_PROBE: Final = b"\x00is this an echo?\xff"
_TAIL: Final = 2000
"""Letters of a log that are shown: its last lines say why a server has ended."""


@dataclass(frozen=True)
class Server:
    """
    A recipe. In *command*, *environment* and *files*, `{port}` stands for its port and `{folder}` for a folder of its
    own, where the files are.

    Attributes:
        name: in the tables.
        settings: how it is set up, for the report.
        command: starts it.
        environment: what that adds to the environment.
        files: names and contents.
        path: of its echo.
        headers: further ones that each request has.
        echoes: whether its answers end with what it is sent.
        probe: a file with a request that it answers, if it does not answer any other.
        metrics: the path of its counters, if it has some.
        prepare: is called before it is first started.
        optional: whether the others are measured, too, if this one cannot be installed or started.
        patience: seconds until its first answer; only ever waited for in full when it is broken.
    """

    name: str
    settings: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    echoes: bool = True
    probe: Path | None = None
    metrics: str = ""
    prepare: Callable[[], None] = lambda: None
    optional: bool = False
    patience: float = 30.0


class Running(NamedTuple):
    """
    A server that answers: its *recipe*, the *pid* of its first process, and its *port*.
    """

    recipe: Server
    pid: int
    port: int

    @property
    def url(self) -> str:
        """
        The URL of its echo.
        """
        return f"http://127.0.0.1:{self.port}{self.recipe.path}"


@contextlib.contextmanager
def started(server: Server) -> Iterator[Running]:
    """
    Start *server*, and wait until it answers.

    Raises:
        BenchError: it cannot be installed, or does not answer.
    """
    server.prepare()
    with tempfile.TemporaryDirectory(prefix="eas-bench-", ignore_cleanup_errors=True) as folder:
        port = _free_port()

        def filled(text: str) -> str:
            return text.replace("{port}", str(port)).replace("{folder}", folder)

        for name, content in server.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(filled(content), encoding="utf-8")
        added = {name: filled(value) for name, value in server.environment.items()}
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [filled(word) for word in server.command],
                env={**os.environ, "TMPDIR": folder, **added},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            running = Running(server, process.pid, port)
            _wait_until_it_answers(running, process, log)
            yield running
        finally:
            _kill(process)


def settle(running: Running) -> None:
    """
    Wait until *running* has done what it still had to do: a client that ends leaves requests behind, and they are not
    to be measured with the next ones. A request that is answered has waited for them.

    Raises:
        BenchError: it is not answered.
    """
    try:
        _ask(running, _probe(running.recipe))
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{running.recipe.name} does not answer any more: {error}") from error


def _free_port() -> int:
    """
    Take a port that was free a moment ago.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(running: Running, process: subprocess.Popen[bytes], log: Path) -> None:
    server = running.recipe
    sent = _probe(server)
    end = time.monotonic() + server.patience
    while True:
        try:
            received = _ask(running, sent)
            break
        except (OSError, http.client.HTTPException) as error:
            if process.poll() is not None or time.monotonic() > end:
                raise BenchError(f"{server.name} does not answer: {error}\n{log.read_text()[-_TAIL:]}") from error
            time.sleep(0.05)
    if server.echoes and not received.endswith(sent):
        raise BenchError(f"{server.name} does not echo: it was sent {sent!r} and answered {received!r}")


def _probe(server: Server) -> bytes:
    return _PROBE if server.probe is None else server.probe.read_bytes()


def _ask(running: Running, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
    with contextlib.closing(connection):
        head = {"Content-Type": "application/octet-stream", "Authorization": TOKEN, **running.recipe.headers}
        connection.request("POST", running.recipe.path, body, head)
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"status {response.status}")
        return response.read()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """
    Kill *process*, its group, and those of its descendants that have left the group.
    """
    family = [process.pid]
    for pid in family:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                family += map(int, children.read_text().split())
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pid in family[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
