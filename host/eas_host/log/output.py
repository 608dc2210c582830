"""
Standard output and standard error, written in one of three ways: at once, as any program does; behind, by a `Writer`,
once there is something to serve that must not wait for a reader; and beside a program that prints for itself.
"""

from __future__ import annotations

import os
import select
import sys
from functools import cached_property
from io import TextIOWrapper
from typing import Final, TextIO

from eas_host.log.writer import Writer
from eas_host.unpatched import make_poll

_BESIDE_SECONDS: Final = 0.2
"""How long a line waits to be written before what the program prints next."""


class Output:
    """
    The output *name*, `stdout` or `stderr`, of this process, which is descriptor *fd*.

    Attributes:
        fd: its number.
    """

    def __init__(self, name: str, fd: int) -> None:
        self._name = name
        self.fd = fd
        self._writer: Writer | None = None
        self._beside = False

    def write(self, text: str, records: int = 1) -> None:
        """
        Write *text*, which is that many whole *records*.
        """
        if self._writer is None:
            self._write_at_once(text)
        elif not self._beside:
            self._writer.put(self.encode(text), records)
        elif self._is_the_programs_own():
            self._write_at_once(text)
        else:
            self._write_beside(self._writer, text)

    def write_behind(self, writer: Writer, *, beside: bool = False) -> None:
        """
        Have *writer* write from now on, *beside* what a program prints or for ourselves.
        """
        self._writer = writer
        self._beside = beside
        if not beside:
            writer.start()

    def encode(self, text: str) -> bytes:
        """
        Encode *text* as this output wants it.
        """
        stream = self._stream
        return text.encode(getattr(stream, "encoding", None) or "utf-8", "backslashreplace")

    @cached_property
    def is_terminal(self) -> bool:
        """
        Whether somebody looks at it.
        """
        return os.isatty(self.fd)

    def end(self, seconds: float) -> bool:
        """
        Wait until all is written, for that many *seconds* at most. Tell whether more could be, by us or by others.
        """
        return self._writer is None or (self._writer.flush(seconds) and _takes_more(self.fd))

    @property
    def behind(self) -> float:
        """
        For how many seconds its reader has been slower than what is written for it.
        """
        return 0.0 if self._writer is None else self._writer.behind

    def _write_at_once(self, text: str) -> None:
        stream = self._stream
        if stream is None:
            return
        try:
            stream.write(text)
            if hasattr(stream, "flush"):  # a program's own may have nothing but `write`
                stream.flush()
        except (OSError, ValueError):
            # A full disk, a closed terminal, or nobody reads any more (`eas-host | head -1`): no reason not to serve.
            setattr(sys, self._name, None)

    def _write_beside(self, writer: Writer, text: str) -> None:
        """
        What the program has printed comes first, and what it prints next comes behind, unless that takes too long.
        """
        stream = self._stream
        if stream is not None and _takes_more(self.fd):
            try:
                stream.flush()
            except (OSError, ValueError, RuntimeError):
                pass  # its own print will find it
        waits = writer.empty
        writer.put(self.encode(text))
        if waits:
            writer.flush(_BESIDE_SECONDS)

    def _is_the_programs_own(self) -> bool:
        """
        Whether the program has put something else in the place of this output.
        """
        stream = self._stream
        return not isinstance(stream, TextIOWrapper) or stream is not getattr(sys, f"__{self._name}__")

    @property
    def _stream(self) -> TextIO | None:
        stream: TextIO | None = getattr(sys, self._name)
        return stream


def _takes_more(fd: int) -> bool:
    poll = make_poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))
