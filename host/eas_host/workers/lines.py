"""
Reads what a worker writes into a pipe, without ever blocking the front.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any, Final

from eas_host import log

_READ_SIZE: Final = 64 * 1024
LONGEST_LINE: Final = 256 * 1024
LONGEST_MESSAGE: Final = 16 * 1024 * 1024
"""Bytes of one record: of what is printed and logged, and of the messages of workers."""


class RecordReader:
    """
    Splits what arrives on *fd* at *separator* and passes it on, as many complete records at once as there are.

    Owns *fd*. A record longer than *longest* is passed on in pieces, so that a worker that never ends one cannot fill
    the front.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        separator: bytes,
        on_records: Callable[[bytes], None],
        *,
        longest: int = LONGEST_LINE,
    ) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd = fd
        self._separator = separator
        self._on_records = on_records
        self._longest = longest
        self._parts: list[bytes] = []  # of a record whose end has not come yet
        self._size = 0
        loop.add_reader(fd, self._read)

    def close(self) -> None:
        """
        Read what is left, pass it on, even if its last record is incomplete, and close.
        """
        while self._fd >= 0 and self._read():
            pass
        self._end()

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""  # a socket whose other end died with unread data says it this way
        if not data:
            self._end()
            return False
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
        return True

    def _end(self) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        self._pass_on_rest()

    def _pass_on_rest(self) -> None:
        rest = b"".join(self._parts)
        self._parts, self._size = [], 0
        if rest:
            self._on_records(rest + self._separator)


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


def message_reader(
    loop: asyncio.AbstractEventLoop, fd: int, on_message: Callable[[dict[str, Any]], None]
) -> RecordReader:
    """
    Make a reader of a worker's messages: a JSON object with a key `event` each, ended by a line feed. Owns *fd*.
    """

    def receive(lines: bytes) -> None:
        for line in lines.splitlines():
            try:
                message = json.loads(line)
            except ValueError:
                log.debug("a worker died while it reported %r", line[:100])
                continue
            on_message(message)

    return RecordReader(loop, fd, b"\n", receive, longest=LONGEST_MESSAGE)


RECORD_END: Final = b"\x1e"
"""ASCII's record separator (native/src/log.h)."""
