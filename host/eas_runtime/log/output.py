"""
Standard output and standard error, written in one of three ways: directly, as by any program; in the background, by a
`BackgroundWriter`, in a host that must not wait for a reader; and alongside a program that prints for itself.
"""

import os
import select
import sys
from io import TextIOWrapper
from typing import TextIO

from eas_runtime.log.writer import BackgroundWriter
from eas_runtime.unpatched import make_poll

_ALONGSIDE_SECONDS = 0.2
"""How long the program waits for a line to be written, so that its next output comes after it."""


class OutputStream:
    """
    The output *name*, `stdout` or `stderr`, of this process, which is descriptor *fd*.

    Attributes:
        fd: its number.
    """

    def __init__(self, name: str, fd: int) -> None:
        self._name = name
        self.fd = fd
        self._writer: BackgroundWriter | None = None
        self._alongside = False
        self._is_terminal: bool | None = None

    def write(self, text: str, records: int = 1) -> None:
        """
        Write *text*, which consists of so many whole *records*.
        """
        if self._writer is None:
            self._write_at_once(text)
        elif not self._alongside:
            self._writer.put(self.encode(text), records)
        elif self._is_the_programs_own():
            self._write_at_once(text)
        else:
            self._write_alongside(self._writer, text)

    def use_writer(self, writer: BackgroundWriter, *, alongside: bool = False) -> None:
        """
        Let *writer* do all writing from now on; with *alongside*, in a program that also prints itself.
        """
        self._writer = writer
        self._alongside = alongside
        if not alongside:
            writer.start()

    def encode(self, text: str) -> bytes:
        """
        Encode *text* in the encoding of this output.
        """
        stream = self._stream
        return text.encode(getattr(stream, "encoding", None) or "utf-8", "backslashreplace")

    @property
    def is_terminal(self) -> bool:
        """
        Whether the output is a terminal.
        """
        if self._is_terminal is None:
            self._is_terminal = os.isatty(self.fd)
        return self._is_terminal

    def flush(self, seconds: float, longest: float = 0.0) -> bool:
        """
        Wait until everything is written, as `BackgroundWriter.flush` does. Tell whether the output accepts more.
        """
        return self._writer is None or (self._writer.flush(seconds, longest) and _is_writable(self.fd))

    def is_catching_up(self, seconds: float, longest: float) -> bool:
        """
        Tell whether output that can wait should wait, as `BackgroundWriter.is_catching_up` does.
        """
        return self._writer is not None and self._writer.is_catching_up(seconds, longest)

    def _write_at_once(self, text: str) -> None:
        stream = self._stream
        if stream is None:
            return
        try:
            stream.write(text)
            if hasattr(stream, "flush"):  # a program may have put an object here that has only `write`
                stream.flush()
        except (OSError, ValueError):
            # A full disk, a closed terminal, or no reader any more (`eas-host | head -1`): the host goes on serving.
            setattr(sys, self._name, None)

    def _write_alongside(self, writer: BackgroundWriter, text: str) -> None:
        """
        Write *text* after what the program has printed, and before what it prints next unless that takes too long.
        """
        stream = self._stream
        if stream is not None and _is_writable(self.fd):
            try:
                stream.flush()
            except (OSError, ValueError, RuntimeError):
                pass  # the program's own print reports it
        waits = writer.is_empty
        writer.put(self.encode(text))
        if waits:
            writer.flush(_ALONGSIDE_SECONDS)

    def _is_the_programs_own(self) -> bool:
        """
        Tell whether the program has replaced this output with an object of its own.
        """
        stream = self._stream
        return not isinstance(stream, TextIOWrapper) or stream is not getattr(sys, f"__{self._name}__")

    @property
    def _stream(self) -> "TextIO | None":
        stream: TextIO | None = getattr(sys, self._name)
        return stream


def _is_writable(fd: int) -> bool:
    poll = make_poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))
