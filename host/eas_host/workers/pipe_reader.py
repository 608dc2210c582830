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
from eas_host.workers.read_quota import quota_of
from eas_runtime.messages import Message, MessageError, decode

_READ_SIZE: Final = 8 * 1024
"""Bytes of one read: as lines of one letter they cost the front some milliseconds."""
_PROMPT_READ_SIZE: Final = 64 * 1024
"""Bytes of one read that is not subject to the quota."""
LONGEST_LINE: Final = 256 * 1024
LONGEST_MESSAGE: Final = 16 * 1024 * 1024
"""Bytes of one record: of what is printed and logged, and of the messages of workers."""


class RecordReader:
    """
    Splits what arrives on *fd* at *separator* and passes it on, as many complete records at once as there are.

    Owns *fd*. A record longer than *longest* bytes is passed on in pieces, so that a worker that never ends one cannot
    fill the front. It shares a quota of time with all other readers (`read_quota`), unless it is *prompt*.
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
        self._quota = None if prompt else quota_of(loop)
        self._parts: list[bytes] = []  # of a record whose end has not come yet
        self._size = 0
        self._remaining: int | None = None  # bytes to read before the end, once `finish` was called
        self._then: Callable[[], None] = lambda: None
        loop.add_reader(fd, self._read)

    def finish(self, then: Callable[[], None]) -> None:
        """
        Pass on what has been written until now, even if its last record is incomplete, close, and call *then*.

        A process that a dead worker has started may hold the other end and write on: it finds the pipe closed.
        """
        if self._fd < 0:
            then()
            return
        self._then = then
        self._remaining = _readable_bytes(self._fd)
        if self._remaining == 0:
            self._end()

    def close(self) -> None:
        """
        Pass on what has been written until now, and close, before this returns.
        """
        self._quota = None
        self.finish(lambda: None)
        while self._fd >= 0:
            self._read()

    def _read(self) -> None:
        quota = self._quota
        if quota is None:
            self._take(_PROMPT_READ_SIZE)
        elif quota.allows(urgent=self._remaining is not None):
            quota.run(lambda: self._take(_READ_SIZE))
        else:
            self._loop.remove_reader(self._fd)
            quota.wait(self._resume)

    def _resume(self) -> None:
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)
            self._read()

    def _take(self, size: int) -> None:
        try:
            data = os.read(self._fd, size if self._remaining is None else min(size, self._remaining))
        except BlockingIOError:
            if self._remaining is not None:
                self._end()
            return
        except ConnectionResetError:
            data = b""  # so a socket reports its end if the other side died with unread data
        if not data:
            self._end()
            return
        if self._remaining is not None:
            self._remaining -= len(data)
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
        if self._remaining is not None and self._remaining <= 0:
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


def _readable_bytes(fd: int) -> int:
    """
    Return how many bytes can be read from the pipe or socket *fd* now.
    """
    count = array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]


def log_records(log_record: Callable[[str, str], None]) -> Callable[[bytes], None]:
    """
    Make a function that passes a worker's log records to *log_record*. Each record is a level letter and a text, ended
    by `RECORD_END`.
    """

    def receive(records: bytes) -> None:
        for record in records.split(RECORD_END):
            if record:
                text = record.decode("utf-8", "replace")
                log_record(text[0], text[1:])

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
                log.warning("a worker has sent an invalid message: %s", error)
            else:
                on_message(message)

    return RecordReader(loop, fd, b"\n", receive, longest=LONGEST_MESSAGE, prompt=True)


RECORD_END: Final = b"\x1e"
"""ASCII's record separator (native/src/log.h)."""
