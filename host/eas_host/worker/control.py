"""
A worker's end of its conversation with the front (`messages`).

A thread of its own reads them, so that they are heard whatever the processor does. Handlers run on that thread and must
be quick; `Stop`, which is known here, sets what `wait` waits for.
"""

from __future__ import annotations

import _socket
import os
import socket
import sys
import traceback
from _queue import SimpleQueue
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from eas_host.messages import Message, MessageError, Stop, decode, encode
from eas_host.unpatched import Event, Thread, allocate_lock, start_thread

M = TypeVar("M", bound=Message)

_READ_SIZE: Final = 64 * 1024
_WAIT_SECONDS: Final = 0.2
"""How late a signal may be handled that came at the wrong moment."""
_FDS_MAX: Final = 8
"""Descriptors that may come with one message."""


class Control:
    """
    What all such ends have in common.

    Attributes:
        stopping: set when the front has asked this worker to end, or is gone.
    """

    def __init__(self) -> None:
        self.stopping = Event()
        self._handlers: dict[type[Message], Callable[[Any], None]] = {}

    def on(self, kind: type[M], handler: Callable[[M], None]) -> None:
        """
        Call *handler* with each message of that *kind*.
        """
        self._handlers[kind] = handler

    def wait(self) -> None:
        """
        Wait until this worker is to end.
        """
        # Not for ever at a time: Python handles a signal only if it came before or while the main thread waited, and
        # not if it came while that was about to.
        while not self.stopping.wait_among_greenlets(_WAIT_SECONDS):
            pass

    def send(self, message: Message) -> None:
        """
        Send *message* to the front.
        """
        raise NotImplementedError

    def _receive(self, message: Message) -> None:
        handler = self._handlers.get(type(message))
        try:
            if handler is not None:
                handler(message)
        except Exception:  # noqa: BLE001  a bug of ours must not make this worker deaf
            traceback.print_exc()
        if isinstance(message, Stop):
            self.stopping.set()


class SocketControl(Control):
    """
    Over *sock*, to a front that is another process. *on_end* is called when that is gone.
    """

    def __init__(self, sock: _socket.socket, on_end: Callable[[], None]) -> None:
        super().__init__()
        self._socket: Any = sock
        self._on_end = on_end
        self._sending = allocate_lock()
        self._rest = b""
        self._messages: deque[Message] = deque()
        self._fds: deque[int] = deque()
        self._thread: Thread | None = None

    def start(self) -> None:
        """
        Start listening.
        """
        self._thread = start_thread(self._listen, "eas-control")

    def join(self, timeout: float | None = None) -> None:
        """
        Wait, for *timeout* seconds at most, until the front is gone.
        """
        if self._thread is not None:
            self._thread.join(timeout)

    def send(self, message: Message) -> None:
        """
        Send *message* to the front. If that is gone, nobody is there to tell.
        """
        data = encode(message)
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError:
            pass

    def next(self) -> Message | None:
        """
        Wait for the next message; None: the front is gone. Not to be mixed with `start`.
        """
        while not self._messages:
            try:
                data, fds, _, _ = socket.recv_fds(self._socket, _READ_SIZE, _FDS_MAX)
            except OSError:
                data, fds = b"", []
            if not data:
                return None
            for fd in fds:
                os.set_inheritable(fd, False)
            self._fds.extend(fds)
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._messages.extend(filter(None, map(_decoded, lines)))
        return self._messages.popleft()

    def take_fd(self) -> int:
        """
        The next of the descriptors that came with messages, in their order.
        """
        return self._fds.popleft()

    def _listen(self) -> None:
        while (message := self.next()) is not None:
            self._receive(message)
        self._on_end()
        self.stopping.set()


class LocalControl(Control):
    """
    To a front in this process: *post* passes a message to it.

    Nothing here waits for the front, which does not run yet while the processor loads.
    """

    def __init__(self, post: Callable[[Message], None]) -> None:
        super().__init__()
        self._post = post
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        start_thread(self._listen, "eas-control")

    def send(self, message: Message) -> None:
        """
        Send *message* to the front.
        """
        self._post(message)

    def deliver(self, message: Message) -> None:
        """
        Take a *message* of the front.
        """
        self._inbox.put(message)

    def _listen(self) -> None:
        while True:
            self._receive(self._inbox.get())


def _decoded(line: bytes) -> Message | None:
    try:
        return decode(line)
    except MessageError as error:  # a bug of ours: it must not make this worker deaf
        print(f"a message of the front makes no sense: {error}", file=sys.stderr)
        return None
