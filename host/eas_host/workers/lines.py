"""
Reads what a worker writes into a pipe, without ever blocking the front.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

_READ_SIZE: Final = 16 * 1024
_LONGEST: Final = 256 * 1024
"""A record that is longer is passed on in pieces, so that a worker that never ends one cannot fill the front."""


class RecordReader:
    """
    Splits what arrives on *fd* at *separator* and passes it on, as many complete records at once as there are.

    Owns *fd*.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, fd: int, separator: bytes, on_records: Callable[[bytes], None]
    ) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd = fd
        self._separator = separator
        self._on_records = on_records
        self._rest = b""
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
        data = self._rest + data
        complete, separator, self._rest = data.rpartition(self._separator)
        if len(self._rest) > _LONGEST:
            complete, separator, self._rest = data, b"", b""
        if complete or separator:
            self._on_records(complete + separator)
        return True

    def _end(self) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        if self._rest:
            self._on_records(self._rest + self._separator)
            self._rest = b""


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


RECORD_END: Final = b"\x1e"
"""ASCII's record separator (native/src/log.h)."""
