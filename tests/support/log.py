"""
Everything that a host writes, line by line, in the order in which it arrives.

A thread per stream reads on for as long as the host lives, so that a full pipe never holds it up. Whoever
waits for a line sleeps on a condition and is woken by each new one.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import IO

from support import TIMEOUT


@dataclass(frozen=True)
class Line:
    stream: str
    text: str


class LineMissing(AssertionError):
    """The awaited line did not come."""


class Log:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._came = threading.Condition()
        self._open = 0
        self._threads: list[threading.Thread] = []

    def follow(self, stream: IO[bytes], name: str) -> None:
        """Reads *stream* until its end, in a thread of its own."""
        thread = threading.Thread(target=self._read, args=(stream, name), name=f"log {name}", daemon=True)
        with self._came:
            self._open += 1
        self._threads.append(thread)
        thread.start()

    def _read(self, stream: IO[bytes], name: str) -> None:
        with stream:
            for raw in stream:
                with self._came:
                    self.lines.append(Line(name, raw.decode(errors="replace").rstrip("\n")))
                    self._came.notify_all()
        with self._came:
            self._open -= 1
            self._came.notify_all()

    def position(self) -> int:
        with self._came:
            return len(self.lines)

    def forget(self, position: int) -> None:
        """Keeps only what comes from *position* on, which is 0 then."""
        with self._came:
            del self.lines[:position]

    def since(self, position: int = 0, stream: str | None = None) -> list[str]:
        with self._came:
            return [line.text for line in self.lines[position:] if stream in (None, line.stream)]

    def text(self, position: int = 0, stream: str | None = None) -> str:
        return "\n".join(self.since(position, stream))

    def wait(
        self,
        pattern: str,
        since: int = 0,
        stream: str | None = None,
        times: int = 1,
        timeout: float = TIMEOUT,
    ) -> re.Match[str]:
        """
        Waits for a line in which *pattern* is found, counting from position *since*; with *times*, for that
        many.

        Raises:
            LineMissing: the streams ended without it, or *timeout* seconds passed.
        """
        __tracebackhide__ = True
        wanted = re.compile(pattern)
        limit = time.monotonic() + timeout
        seen, at = 0, since
        with self._came:
            while True:
                for line in self.lines[at:]:
                    at += 1
                    match = wanted.search(line.text) if stream in (None, line.stream) else None
                    seen += match is not None
                    if match and seen == times:
                        return match
                left = limit - time.monotonic()
                if self._open == 0 or left <= 0:
                    break
                self._came.wait(left)
        why = "the host ended without" if self._open == 0 else f"{timeout:g} s passed without"
        raise LineMissing(f"{why} a line for {pattern!r} ({seen} of {times}); the log:\n{self.text(since)}")

    def wait_end(self, timeout: float = TIMEOUT) -> bool:
        """Waits until everything is read; False when somebody still holds a stream open."""
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)
