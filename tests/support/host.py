"""
A real `eas-host`, started for a test and stopped after it.

Starting waits for the line that promises service; everything that is written is kept in `host.log`. Stopping
is a test of its own, made for every host of every test: SIGTERM must end it with exit code 0, no process of
it may be left, nor any file in its working or temporary folder, and its log must not hold an ERROR that the
test did not announce with `expect_log`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Union

from support import TIMEOUT, proc
from support.host_forks import HostProcess
from support.log import Log
from support.processor_python import options_of
from support.wire import Address, Client, Response, request

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parent.parent.parent
OUR_CODE = re.compile(r"File \".*/eas_(host|runtime)/")  # a traceback of ours: a bug, whoever caused it
ERROR = re.compile(r"\[(ERROR|CRITICAL)\]|\"level\": ?\"(ERROR|CRITICAL)\"")
OUR_FRAMES = re.compile(r"/eas_(host|runtime)/|<frozen runpy>|\beas\.host\.|\(eas_worker_|\beas::")
ROOT_HINT = "running processors as root"
LISTENING = r"listening on (http://([^\s\"/]+):(\d+)(/[^\s\"]*))"

Value = Union[str, int, float, bool, Path, None, "list[str | Path]"]


def program() -> list[str]:
    """The command that starts the host: the one of the environment that runs the tests."""
    script = Path(sys.executable).parent / "eas-host"
    return [str(script)] if script.exists() else [sys.executable, "-m", "eas_host"]


def flags(options: Mapping[str, Value]) -> list[str]:
    """`worker_threads=2` is --worker-threads 2, True a bare flag, None no flag, a list a repeated one."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words += [word for item in (value if isinstance(value, list) else [value]) for word in (flag, str(item))]
    return words


_every_host: dict[str, str] = {}  # variables


def use_data_plane(kind: str) -> None:
    """Starts hosts with that data plane, but for those whose test chooses another."""
    _every_host["EAS_HOST_DATA_PLANE"] = kind


def clean_environment() -> dict[str, str]:
    """
    What a host is started with: no options of its own, and no PYTHONUNBUFFERED, which would hide missing
    flushes.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EAS_HOST_", "PYTHONUN"))}
    return kept | _every_host


class HostEnded(AssertionError):
    """The host ended where it should have served."""


class Host:
    """
    One host: `with Host(folder, entry=...) as host: host.call(b"...")`.

    Args:
        folder: an empty or missing folder; the host gets its working and its temporary folder inside it.
        variables: added to the environment.
        words: a command and its words: `("serve", "service.json")`.
        options: the command line, as in `flags`.

    Attributes:
        followed: the streams that are read from the start.
    """

    followed: tuple[str, ...] = ("stdout", "stderr")

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        words: Sequence[str | Path] = (),
        /,
        **options: Value,
    ) -> None:
        self.folder = folder
        self.entry = Path(str(options.get("entry")))
        self.language = str(options.get("processor_type"))
        self.isolation = str(options.get("isolation", "process"))
        self.log = Log()
        self.path = ""
        self.address: Address = ("", 0)
        self._start = 0
        self._announced: list[re.Pattern[str]] = []
        self._checked = 0
        self._mark = f"EAS_TEST_MARK={uuid.uuid4().hex}"
        own = options_of(self.entry, self.language, self.isolation)
        for name in ("cwd", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.command = program() + [str(word) for word in words] + flags({"listen": "127.0.0.1:0", **own, **options})
        environment = clean_environment()
        key, _, value = self._mark.partition("=")
        environment |= {"TMPDIR": str(folder / "tmp"), key: value, **(variables or {})}
        self.process: subprocess.Popen[bytes] = HostProcess(self.wrapped(self.command), folder / "cwd", environment)
        self.follow(*self.followed)

    def wrapped(self, command: list[str]) -> list[str]:
        """The command that is really started; a subclass may put a program in front that becomes *command*."""
        return command

    # Starting.

    def follow(self, *streams: str) -> None:
        """Reads *streams* from now on, until their end."""
        self.followed = tuple({*self.followed, *streams})
        for name in streams:
            self.log.follow(getattr(self.process, name), name)

    def __enter__(self) -> Self:
        try:
            self.wait_listening()
        except BaseException:
            self.kill()
            raise
        return self

    def wait_listening(self) -> None:
        match = self.log.wait(LISTENING, stream="stdout")
        self.address = (match[2].strip("[]"), int(match[3]))
        self.path = match[4]

    @property
    def pid(self) -> int:
        return self.process.pid

    # Asking.

    def connect(self) -> Client:
        return Client(self.address)

    def call(self, body: bytes | None = b"", path: str | None = None, method: str = "POST") -> Response:
        """One request on a connection of its own, and its answer."""
        with self.connect() as client:
            return client.call(body, path or self.path, method)

    def ask(self, body: bytes, path: str | None = None) -> Client:
        """Sends a request on a connection of its own and leaves the answer to be read later."""
        return self.connect().send(request("POST", path or self.path, body))

    def wait_queue(self, length: int) -> None:
        """Waits until *length* requests wait for a worker: those of different connections arrive in any order."""
        while json.loads(self.call(None, "/api/builtin/monitor", "GET").body)["queue_length"] < length:
            pass

    def settled(self) -> proc.Holdings:
        """
        What the front holds once it has seen the end of every connection that was closed before this call; one more is
        open while it looks. Each answer takes a turn of its loop, and closing a connection takes a few.
        """
        with self.connect() as client:
            for _ in range(5):
                assert client.call(None, "/api/builtin/ping", "GET").status == 200
            return proc.holdings(self.pid)

    # The log.

    def mark(self) -> None:
        """From here on `wait_for_log` and `expect_log` look at new lines only. Called before each test."""
        self._start = self.log.position()

    def wait_for_log(self, pattern: str, stream: str | None = None, times: int = 1) -> re.Match[str]:
        return self.log.wait(pattern, self._start, stream, times)

    def expect_log(self, pattern: str, times: int = 1) -> re.Match[str]:
        """
        Announces that errors in which *pattern* is found belong to the test, and waits for *times* such
        lines.
        """
        self.allow_log(pattern)
        return self.wait_for_log(pattern, times=times)

    def allow_log(self, pattern: str) -> None:
        """Announces that errors in which *pattern* is found belong to the test, whether they come or not."""
        self._announced.append(re.compile(pattern))

    def has_announced(self) -> bool:
        return bool(self._announced)

    def begin_anew(self) -> None:
        """Checks what has been written so far, and forgets it, for another test."""
        self.check_log()
        self.log.forget(self._checked)
        self._start = self._checked = 0

    def new_log(self) -> str:
        """What was written since `mark`, but for the hint that root always gets, some time after the start."""
        return "\n".join(line for line in self.log.since(self._start) if ROOT_HINT not in line)

    def complaints(self) -> list[str]:
        """What standard error has, but for that hint."""
        return [line for line in self.log.since(stream="stderr") if ROOT_HINT not in line]

    def check_log(self) -> None:
        """Fails on an ERROR, or a frame of the host's own code, that nobody announced."""
        lines = self.log.since(self._checked)
        self._checked += len(lines)
        wrong = [
            line
            for line in lines
            if (ERROR.search(line) or OUR_CODE.search(line))
            and not any(known.search(line) for known in self._announced)
        ]
        assert not wrong, "unannounced in the log:\n" + "\n".join(wrong) + "\n\nthe log:\n" + self.log.text(self._start)

    # Its processes.

    def workers(self) -> list[int]:
        """The worker processes that live now. Short-lived children, such as `ldconfig -p`, lead no session."""
        children = [pid for pid in proc.children(self.pid) if proc.leads_session(pid)]
        return [pid for pid in children if proc.name(pid) != "eas-symbolizer"]

    def processes(self) -> list[int]:
        """All that it has started and that live, and itself."""
        return proc.marked(self._mark)

    def symbolizers(self) -> list[int]:
        """The processes that find the lines of C++ frames: at most one lives."""
        return [pid for pid in proc.children(self.pid) if proc.name(pid) == "eas-symbolizer"]

    def kill_worker(self, pid: int | None = None, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends *number* to a worker, waits for its end and returns its pid."""
        victim = self.workers()[0] if pid is None else pid
        watch = proc.Watch(victim)
        os.kill(victim, number)
        assert watch.wait(), f"worker {victim} survived {number.name}"
        return victim

    def files(self) -> list[Path]:
        """What is in its working and its temporary folder."""
        return sorted(path for name in ("cwd", "tmp") for path in (self.folder / name).rglob("*"))

    # Stopping.

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.kill()
        elif self.process.poll() is None:
            self.stop()
        else:
            self.check_end()

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stops the host as its operator would, and demands that it ends well."""
        self.send_signal(number)
        self.ends_with(0)

    def ends_with(self, code: int | None) -> None:
        """Waits for the end, demands exit *code* (None: any) and that nothing is left behind."""
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise HostEnded(f"still running after {TIMEOUT:g} s; the log:\n{self.log.text()}") from None
        assert code in (None, self.process.returncode), (
            f"exit code {self.process.returncode}; the log:\n{self.log.text()}"
        )
        self.check_end()

    def check_end(self) -> None:
        left = proc.wait_until_gone(self.processes(), TIMEOUT / 3)
        described = [f"{pid} {proc.command_line(pid)}" for pid in left]
        try:
            assert not left, f"processes left behind: {described}"
            assert self.log.wait_end(), "somebody still holds the host's output open"
            left_files = [str(path) for path in self.files()]
            assert not left_files, f"files left behind: {left_files}"
        except BaseException:
            self.kill()
            raise
        self._close()
        self.check_log()

    def kill(self) -> None:
        """Ends it and all of its processes, by their own pids, whatever state they are in."""
        if self.process.poll() is None:
            self.process.kill()
        self._close()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _close(self) -> None:
        """Waits for its end, and closes the streams that nobody has read."""
        self.process.wait()
        for name in {"stdout", "stderr"}.difference(self.followed):
            getattr(self.process, name).close()


StartHost = Callable[..., Host]
"""The fixture `start`: starts a host that is stopped after the test."""
