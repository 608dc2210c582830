"""
How hard a download is tried.

A step that fails for a reason that may pass is tried again, each time after a longer while. What counts are failures in
a row: a file that grows with every attempt is worth going on with, however often its connection breaks.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Patience:
    """
    Times in seconds, and bounds.

    Attributes:
        connect: for a connection, TLS included.
        silence: between two pieces of an answer. A slow one that keeps moving may take for ever.
        linger: after the last byte that was announced, for the connection's end.
        attempts: failures in a row until it is given up.
        pause: before the second attempt; it doubles with each.
        longest_pause: the most that a server may ask for (`Retry-After`).
        redirects: for one request. Browsers follow 20.
        at_once: downloads side by side.
    """

    connect: float = 15
    silence: float = 30
    linger: float = 2
    attempts: int = 5
    pause: float = 0.5
    longest_pause: float = 60
    redirects: int = 10
    at_once: int = 4


PATIENCE: Final = Patience()


class Failed(Exception):
    """
    It cannot be had, and trying again would not help.
    """


class Transient(Exception):
    """
    It failed for a reason that may pass.

    Attributes:
        reached: whether the other side answered at all.
        wait: seconds that it asks to wait.
    """

    def __init__(self, reason: str, *, reached: bool = True, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reached = reached
        self.wait = wait


class Unreachable(Failed):
    """
    It failed each time before there was any answer.
    """


class Stopped(Exception):
    """
    Nobody wants it any more.
    """


class Stop:
    """
    Ends downloads from another thread, also those that wait for a socket.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def set(self) -> None:
        """
        End all.
        """
        with self._lock:
            self._event.set()
            for open_socket in self._sockets:
                _shut(open_socket)

    def check(self) -> None:
        """
        Go on, unless it is over.
        """
        if self._event.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """
        Wait, unless it is over.
        """
        self._event.wait(seconds)
        self.check()

    def watch(self, open_socket: socket.socket) -> None:
        """
        Shut *open_socket* when it is over.
        """
        with self._lock:
            self._sockets.add(open_socket)
            if self._event.is_set():
                _shut(open_socket)

    def forget(self, open_socket: socket.socket) -> None:
        """
        Leave *open_socket* alone from now on.
        """
        with self._lock:
            self._sockets.discard(open_socket)


def _shut(open_socket: socket.socket) -> None:
    try:
        open_socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself


def persist(
    step: Callable[[], Path], done: Callable[[], int], warn: Callable[[str], None], patience: Patience, stop: Stop
) -> Path:
    """
    Try *step* until it succeeds. *done* tells how many bytes there are.

    Raises:
        Failed: it does not help; or `Unreachable`, if nobody ever answered.
    """
    furthest, failures, reached = done(), 0, False
    while True:
        stop.check()
        try:
            return step()
        except Transient as error:
            stop.check()
            failures = 1 if done() > furthest else failures + 1
            furthest = max(furthest, done())
            reached = reached or error.reached
            if failures >= patience.attempts:
                kind = Failed if reached else Unreachable
                raise kind(f"{error}; given up after {failures} attempts") from error
            pause = patience.pause * 2 ** (failures - 1)
            if error.wait is not None:
                pause = max(pause, error.wait)
                if error.wait > patience.longest_pause:
                    raise Failed(f"{error}; it asks to come back in {error.wait:.0f} s") from error
            warn(f"{error}; trying again in {pause:.1f} s")
            stop.pause(pause)
