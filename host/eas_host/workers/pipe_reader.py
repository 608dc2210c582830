"""
Reads what a worker writes into a pipe, without ever blocking the front.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from array import array
from collections.abc import Callable
from typing import Final

from eas_host import log
from eas_host.messages import Message, MessageError, decode
from eas_host.workers.read_turns import turns_of

_READ_SIZE: Final = 8 * 1024
"""Bytes at a time: as lines of one letter they cost the front some milliseconds."""
_WHOLE_SIZE: Final = 64 * 1024
LONGEST_LINE: Final = 256 * 1024
LONGEST_MESSAGE: Final = 16 * 1024 * 1024
"""Bytes of one record: of what is printed and logged, and of the messages of workers."""


class RecordReader:
    """
    Splits what arrives on *fd* at *separator* and passes it on, as many complete records at once as there are.

    Owns *fd*. A record longer than *longest* is passed on in pieces, so that a worker that never ends one cannot fill
    the front. It takes turns with all others, unless it is *prompt*.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        separator: bytes,
        on_records: Callable[[bytes], None],
        *,
        longest: int = LONGEST_LINE,
        prompt: bool = False,
    ) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd = fd
        self._separator = separator
        self._on_records = on_records
        self._longest = longest
        self._turns = None if prompt else turns_of(loop)
        self._parts: list[bytes] = []  # of a record whose end has not come yet
        self._size = 0
        self._left: int | None = None  # bytes to read before the end, once that is near
        self._then: Callable[[], None] = lambda: None
        loop.add_reader(fd, self._read)

    def finish(self, then: Callable[[], None]) -> None:
        """
        Pass on what has been written until now, even if its last record is incomplete, close, and call *then*.

        Whoever holds the other end and writes on, as what a dead worker has started may do, finds it closed.
        """
        if self._fd < 0:
            then()
            return
        self._then = then
        self._left = _waiting_in(self._fd)
        if self._left == 0:
            self._end()

    def close(self) -> None:
        """
        The same at once.
        """
        self._turns = None
        self.finish(lambda: None)
        while self._fd >= 0:
            self._read()

    def _read(self) -> None:
        turns = self._turns
        if turns is None:
            self._take(_WHOLE_SIZE)
        elif turns.allows(urgent=self._left is not None):
            turns.run(lambda: self._take(_READ_SIZE))
        else:
            self._loop.remove_reader(self._fd)
            turns.wait(self._resume)

    def _resume(self) -> None:
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)
            self._read()

    def _take(self, size: int) -> None:
        try:
            data = os.read(self._fd, size if self._left is None else min(size, self._left))
        except BlockingIOError:
            if self._left is not None:
                self._end()
            return
        except ConnectionResetError:
            data = b""  # a socket whose other end died with unread data says it this way
        if not data:
            self._end()
            return
        if self._left is not None:
            self._left -= len(data)
        complete, separator, rest = data.rpartition(self._separator)
        if separator:
            records = b"".join([*self._parts, complete, separator])
            self._parts, self._size = [rest], len(rest)
            self._on_records(records)
        else:
            self._parts.append(data)
            self._size += len(data)
        if self._size > self._longest:
            self._pass_on_rest()
        if self._left is not None and self._left <= 0:
            self._end()

    def _end(self) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        try:
            self._pass_on_rest()
        finally:
            self._then()

    def _pass_on_rest(self) -> None:
        rest = b"".join(self._parts)
        self._parts, self._size = [], 0
        if rest:
            self._on_records(rest + self._separator)


def _waiting_in(fd: int) -> int:
    """
    How many bytes can be read from the pipe or socket *fd* now.
    """
    count = array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]


def log_records(worker: int, log_record: Callable[[int, str, str], None]) -> Callable[[bytes], None]:
    """
    Make a receiver of log records of *worker*: a level letter and a text each, ended by `RECORD_END`.
    """

    def receive(records: bytes) -> None:
        for record in records.split(RECORD_END):
            if record:
                text = record.decode("utf-8", "replace")
                log_record(worker, text[0], text[1:])

    return receive


def message_reader(loop: asyncio.AbstractEventLoop, fd: int, on_message: Callable[[Message], None]) -> RecordReader:
    """
    Make a reader of a worker's messages (`messages`). Owns *fd*.
    """

    def receive(lines: bytes) -> None:
        for line in lines.splitlines():
            try:
                message = decode(line)
            except MessageError as error:  # perhaps it died in the middle of one
                log.warning("a worker has sent what is no message: %s", error)
            else:
                on_message(message)

    return RecordReader(loop, fd, b"\n", receive, longest=LONGEST_MESSAGE, prompt=True)


RECORD_END: Final = b"\x1e"
"""ASCII's record separator (native/src/log.h)."""
