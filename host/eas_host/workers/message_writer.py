"""
Sends messages to a worker, without ever blocking the front: what the socket does not take at once waits here.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final

from eas_host import log
from eas_runtime.messages import Message, Stop, encode

_MAX_WAITING: Final = 16 * 1024 * 1024
"""Bytes that may wait for a worker that does not read; it gets nothing more but the order to stop."""


class MessageWriter:
    """
    Messages that go out over *sock*, which must not block.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._socket = sock
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._size = 0

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """
        Send *message*, with copies of the descriptors *fds*.
        """
        data = encode(message)
        if self._size > _MAX_WAITING and not isinstance(message, Stop):
            log.debug("a worker does not read its messages: %s is dropped", message.event)
            return
        if not self._waiting:
            self._loop.add_writer(self._socket, self._flush)
        self._waiting.append((data, [os.dup(fd) for fd in fds]))
        self._size += len(data)
        self._flush()

    def close(self) -> None:
        """
        Drop what was not sent.
        """
        if self._waiting:
            self._loop.remove_writer(self._socket)
        for _, fds in self._waiting:
            _close_all(fds)
        self._waiting.clear()

    def _flush(self) -> None:
        while self._waiting:
            data, fds = self._waiting.popleft()
            try:
                sent = socket.send_fds(self._socket, [data], fds) if fds else self._socket.send(data)
            except BlockingIOError:
                self._waiting.appendleft((data, fds))
                return
            except OSError:  # it died meanwhile, which its supervisor sees
                sent = len(data)
            _close_all(fds)  # they go with the first byte
            self._size -= sent
            if sent < len(data):
                self._waiting.appendleft((data[sent:], []))
        self._loop.remove_writer(self._socket)


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
