r"""
A program under a pseudo-terminal, as at a user's keyboard: `terminal.expect(r"\(gdb\) ")`, `terminal.type("continue")`.

Its `TMPDIR`, home and cache lie in a folder of the test, and when it has ended no process of it may be left.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from support import TIMEOUT, proc
from support.host import clean_environment

if TYPE_CHECKING:
    from typing_extensions import Self

_SIZE = struct.pack("HHHH", 60, 400, 0, 0)
"""Rows and columns, so many that gdb breaks no line."""
_TAKE_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """Runs *command* in *cwd*; *folder* is for what it writes."""

    def __init__(
        self, folder: Path, command: Sequence[str | Path], cwd: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self.text = ""
        self._at = 0
        self._mark = f"EAS_TEST_MARK={uuid.uuid4().hex}"
        places = {"TMPDIR": folder / "tmp", "HOME": folder / "home", "EAS_HOST_CACHE": folder / "cache"}
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        key, _, value = self._mark.partition("=")
        environment = {name: str(place) for name, place in places.items()} | {"TERM": "dumb", key: value}
        self._fd, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, _SIZE)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *map(str, command)],
            cwd=cwd,
            env=clean_environment() | environment | dict(variables or {}),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in proc.marked(self._mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.close(self._fd)

    def expect(self, pattern: str) -> re.Match[str]:
        """Waits for *pattern* behind what was expected before."""
        end = time.monotonic() + TIMEOUT
        while (found := re.compile(pattern).search(self.text, self._at)) is None:
            assert self._read(end), f"{pattern!r} did not come:\n{self.text}"
        self._at = found.end()
        return found

    def expect_all(self, *patterns: str) -> None:
        """Waits for each of *patterns*, in whatever order they come: two processes write here."""
        begin = end = self._at
        for pattern in patterns:
            self._at = begin
            end = max(end, self.expect(pattern).end())
        self._at = end

    def rewind(self, found: re.Match[str]) -> None:
        """Has the next `expect` begin before *found*."""
        self._at = found.start()

    def type(self, line: str) -> None:
        """Types *line* and Enter."""
        os.write(self._fd, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        os.write(self._fd, b"\x03")

    def ends(self) -> int:
        """Waits for the end, demands that nothing is left, and returns the exit code."""
        end = time.monotonic() + TIMEOUT
        while self._read(end):
            pass
        code = self.process.wait(max(0.1, end - time.monotonic()))
        left = proc.wait_until_gone(proc.marked(self._mark), TIMEOUT / 3)
        assert not left, f"left behind: {[proc.command_line(pid) for pid in left]}"
        return code

    def _read(self, end: float) -> bool:
        """Reads more; False at the end of the program."""
        if not select.select([self._fd], [], [], max(0.0, end - time.monotonic()))[0]:
            raise AssertionError(f"nothing comes any more:\n{self.text}")
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # the other side is closed
                raise
            return False
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
