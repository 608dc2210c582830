"""
`--detach`: start the host in the background, and return when its service takes requests or the start has failed.

The host is a child of this process in a session of its own, so neither Ctrl+C nor the end of the terminal reaches it.
Its outputs go to a file, which this process repeats on standard error while it waits. Standard output gets one line,
the command that stops the host, so that a script can keep it: `stop=$(eas-host --entry app.py --detach)`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from eas_host import log
from eas_host.config import HostConfig
from eas_host.errors import ConfigError

Started = Callable[[], None]
"""Called by a host when its service takes requests."""

_KEPT: Final = 20
"""So many logs of hosts that have ended are kept, the newest ones."""
_NAME: Final = "eas-host-"
_POLL_MS: Final = 100
"""How often the log is looked at, of which the system reports nothing to poll."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """
    Let *parser*, of a command that serves, accept the option.
    """
    parser.add_argument(
        "--detach",
        action="store_true",
        help="serve in the background: return when the service takes requests, and print the command that stops it",
    )


def run_detached(config: HostConfig, serve: Callable[[Started], int]) -> int:
    """
    Call *serve* in a child process, and wait until its service takes requests or it has ended.

    Returns:
        In this process 0, or the exit code of a host that has failed; in the child what *serve* returns.

    Raises:
        ConfigError: there is no place for the log.
    """
    new = _log_folder(config) / f"starting-{os.getpid()}"
    file = new.open("ab", buffering=0)
    ready, started = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        os.setsid()
        _redirect_streams(file)
        return serve(lambda: _report_started(started))
    os.close(started)
    path = new.rename(new.with_name(f"{_NAME}{pid}.log"))
    try:
        with file, os.fdopen(ready, "rb", buffering=0) as pipe:
            code = _wait(pid, pipe, _LogReader(path))
    except BaseException:
        path.unlink()
        raise
    if code is not None:
        path.unlink()  # all of it has been shown
        return code
    log.print_error(f"eas-host: it serves in the background; its log is {path}; this stops it:")
    print(f"kill {pid}", flush=True)
    return 0


class _LogReader:
    """
    Prints on standard error what has been written to the log at *path*, line by line.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def print_lines(self) -> None:
        """
        Print the lines that are new.
        """
        lines, _, rest = self._file.read().rpartition(b"\n")
        self._file.seek(-len(rest), os.SEEK_CUR)
        if lines:
            log.print_error(lines.decode(errors="backslashreplace"))


def _log_folder(config: HostConfig) -> Path:
    """
    Return the folder for logs, and remove old ones from it.

    Raises:
        ConfigError: it cannot be made.
    """
    from eas_host.deploy.workspace.workspace import cache_folder  # noqa: PLC0415  few starts need it

    folder = cache_folder(config) / "logs"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ended = [path for path in folder.glob(f"{_NAME}*.log") if not Path("/proc", path.stem[len(_NAME) :]).exists()]
        for path in sorted(ended, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]:
            path.unlink()
    except OSError as error:
        raise ConfigError(f"--detach: {error.filename}: {error.strerror}; choose another --cache") from error
    return folder


def _redirect_streams(file: FileIO) -> None:
    """
    Let this process read nothing, and write to *file*.
    """
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    file.close()


def _report_started(pipe: int) -> None:
    log.flush()
    with contextlib.suppress(BrokenPipeError):  # whoever waited has been killed
        os.write(pipe, b"\n")
    os.close(pipe)


def _wait(pid: int, ready: FileIO, written: _LogReader) -> int | None:
    """
    Wait for the host *pid*, which writes to the pipe *ready* when it takes requests, and print what it has *written*.

    Returns:
        None if it takes requests, or its exit code.

    Raises:
        KeyboardInterrupt, SystemExit: a signal has ended the wait, and the host with it.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)
    end = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    poll.register(end, select.POLLIN)
    try:
        events: set[int] = set()
        while not events:
            events = {descriptor for descriptor, event in poll.poll(_POLL_MS) if event}
            written.print_lines()
        if end not in events and ready.read(1):
            written.print_lines()
            return None
        return _exit_code(pid, written)
    except BaseException:
        os.kill(pid, signal.SIGTERM)
        try:
            _exit_code(pid, written)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        raise
    finally:
        os.close(end)


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # as shells report it


def _exit_code(pid: int, written: _LogReader) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    written.print_lines()
    return code if code >= 0 else 128 - code
