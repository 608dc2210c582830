"""
Ends downloads from another thread, also those that wait for a socket.
"""

from __future__ import annotations

import socket
import threading


class Cancelled(Exception):
    """
    The download was cancelled: another one failed, or the host ends.
    """


class CancelToken:
    """
    Shared by all downloads that are cancelled together.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def cancel(self) -> None:
        """
        End all downloads: shut their sockets, and let `check` raise.
        """
        with self._lock:
            self._event.set()
            for open_socket in self._sockets:
                _shut_down(open_socket)

    def check(self) -> None:
        """
        Raise `Cancelled` if the downloads were cancelled.
        """
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """
        Sleep for *seconds*, but raise `Cancelled` as soon as the downloads are cancelled.
        """
        self._event.wait(seconds)
        self.check()

    def register(self, open_socket: socket.socket) -> None:
        """
        Shut *open_socket* down when the downloads are cancelled.
        """
        with self._lock:
            self._sockets.add(open_socket)
            if self._event.is_set():
                _shut_down(open_socket)

    def unregister(self, open_socket: socket.socket) -> None:
        """
        Leave *open_socket* alone from now on.
        """
        with self._lock:
            self._sockets.discard(open_socket)


def _shut_down(open_socket: socket.socket) -> None:
    try:
        open_socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the connection has ended already
