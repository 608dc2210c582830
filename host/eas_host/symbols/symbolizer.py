"""
Asks eas-symbolizer (native/symbolizer/main.cc) for functions, files and lines.

The program reads files that come from users, with everything that they may contain. So it is a process of its own that
is started when it is first needed, and kept. If it dies over a question, or has not answered after `_TIMEOUT` seconds,
that question has no answer, and the next one starts another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import eas_host
from eas_host import log
from eas_host.system.memory import prefer_as_oom_victim
from eas_host.system.user import User

PROGRAM: Final = Path(eas_host.__file__).with_name("eas-symbolizer")
"""It is not there if libdw was not when the host was built."""
_TIMEOUT: Final = 2.0
_LONGEST_LINE: Final = 1024 * 1024
"""Names of functions are long where templates are nested."""


class CodeLocation(NamedTuple):
    """
    A function, and a line in it. What is not known is empty or 0.
    """

    function: str
    file: str
    line: int


class Symbolizer:
    """
    The program, as far as it runs. It answers one question after the other.

    Attributes:
        user: the user that it runs as, if that is not the host's: the one that processors run as.
    """

    def __init__(self) -> None:
        self.user: User | None = None
        self._turn = asyncio.Lock()
        self._process: _SymbolizerProcess | None = None
        self._closed: _SymbolizerProcess | None = None

    @property
    def pid(self) -> int | None:
        """
        The number of the process; None if there is none now.
        """
        return None if self._process is None else self._process.pid

    async def ask(self, path: str, offsets: Sequence[int]) -> list[list[CodeLocation]] | None:
        """
        Ask for the functions at *offsets* in the file *path*: for each offset the innermost inlined function first, and
        none where nothing is known. None: there is no answer.
        """
        if "\n" in path or not path.startswith("/"):
            return None
        question = f"{' '.join(f'{offset:x}' for offset in offsets)} {path}\n".encode()
        async with self._turn:
            try:
                if self._process is None or self._process.ended.is_set():
                    self._process = await _SymbolizerProcess.start(self.user)
                return await self._process.ask(question, len(offsets))
            except (OSError, ValueError, asyncio.TimeoutError) as error:
                log.debug("eas-symbolizer has no answer about %s: %s", path, str(error) or "it took too long")
                self.close()
                return None

    def close(self) -> None:
        """
        End the process.
        """
        if self._process is not None:
            self._process.close()
            self._closed, self._process = self._process, None

    async def wait_closed(self) -> None:
        """
        Wait until the process that `close` has ended is gone.
        """
        if self._closed is not None:
            await self._closed.ended.wait()


class _SymbolizerProcess:
    """
    One process. Use `start`.

    Attributes:
        pid: its number.
        ended: set once it has died.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], output: asyncio.StreamReader, transport: asyncio.ReadTransport
    ) -> None:
        self.pid = process.pid
        self.ended = asyncio.Event()
        self._process = process
        self._output = output
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    @classmethod
    async def start(cls, user: User | None) -> _SymbolizerProcess:
        """
        Start the program, as *user*.

        Raises:
            OSError: it is not there, or the system is out of processes, memory or descriptors.
        """
        other = user if user is not None and user.number != os.geteuid() else None
        process = subprocess.Popen(  # noqa: ASYNC220  fork and exec, as for a worker
            [PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=None if other is None else other.number,
            group=None if other is None else other.group,
            extra_groups=None if other is None else other.groups,
        )
        prefer_as_oom_victim(process.pid, os.getpid())
        output = asyncio.StreamReader(limit=_LONGEST_LINE)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), process.stdout)
        return cls(process, output, transport)

    async def ask(self, question: bytes, answers: int) -> list[list[CodeLocation]]:
        """
        Send *question* and read so many *answers*.

        Raises:
            OSError, ValueError: it has died, or answers what is no answer.
            asyncio.TimeoutError: it takes too long.
        """
        assert self._process.stdin is not None  # noqa: S101  a pipe
        # It fits into the pipe, which is empty: the last question was answered.
        os.write(self._process.stdin.fileno(), question)
        return await asyncio.wait_for(self._read(answers), _TIMEOUT)

    async def _read(self, answers: int) -> list[list[CodeLocation]]:
        found: list[list[CodeLocation]] = []
        levels: list[CodeLocation] = []
        while len(found) < answers:
            line = (await self._output.readline()).decode("utf-8", "replace")
            if not line.endswith("\n"):
                raise OSError("it has died")
            if line == "\n":
                found.append(levels)
                levels = []
            else:
                function, file, number = line[:-1].split("\t")
                levels.append(CodeLocation(function, file, int(number)))
        return found

    def close(self) -> None:
        """
        End it.
        """
        self._process.kill()

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.wait()
        self._transport.close()
        self.ended.set()
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None  # noqa: S101  a pipe
            self._process.stdin.close()
