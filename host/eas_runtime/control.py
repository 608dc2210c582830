"""
The worker's end of the control channel, over which it exchanges `messages` with the front.

A thread of its own receives them, so that they arrive while the processor is busy. Handlers run on that thread and must
be quick. `Stop` needs no handler: it ends `wait`.
"""

import _socket
import os
import sys
from array import array
from collections import deque
from typing import Any, Callable, TypeVar

from eas_runtime.errors import print_trace
from eas_runtime.messages import Message, MessageError, Ready, Stop, decode, encode
from eas_runtime.unpatched import Event, SimpleQueue, Thread, allocate_lock, start_thread

M = TypeVar("M", bound=Message)

_READ_SIZE = 64 * 1024
_WAIT_SECONDS = 0.2
"""How late a signal may be handled that arrives just as a wait begins."""
_FDS_MAX = 8
"""Descriptors that may come with one message."""


class ControlChannel:
    """
    What the channels to a front have in common, whether it is another process or not.

    Attributes:
        ready: set when the front knows that the processor is loaded.
        stopping: set when the front has asked this worker to end, or is gone.
    """

    def __init__(self) -> None:
        self.ready = Event()
        self.stopping = Event()
        self._handlers: dict[type[Message], Callable[[Any], None]] = {}

    def on(self, kind: "type[M]", handler: "Callable[[M], None]") -> None:
        """
        Call *handler* with each message of that *kind*.
        """
        self._handlers[kind] = handler

    def wait(self) -> None:
        """
        Wait until this worker is to end.
        """
        # In short waits: Python handles a signal that arrives before or during a wait of the main thread, but misses
        # one that arrives just as the wait begins.
        while not self.stopping.wait_among_greenlets(_WAIT_SECONDS):
            pass

    def send(self, message: Message) -> None:
        """
        Send *message* to the front.
        """
        if isinstance(message, Ready):
            self.ready.set()
        self._send(message)

    def _send(self, message: Message) -> None:
        raise NotImplementedError

    def _receive(self, message: Message) -> None:
        handler = self._handlers.get(type(message))
        try:
            if handler is not None:
                handler(message)
        except Exception:  # noqa: BLE001  a bug of the host must not end the thread that receives
            print_trace()
        if isinstance(message, Stop):
            self.stopping.set()


class SocketChannel(ControlChannel):
    """
    The channel to a front that is another process, over *sock*. *on_end* is called when the front is gone.
    """

    def __init__(self, sock: _socket.socket, on_end: "Callable[[], None]") -> None:
        super().__init__()
        self._socket: Any = sock
        self._on_end = on_end
        self._sending = allocate_lock()
        self._partial_line = b""
        self._messages: deque[Message] = deque()
        self._fds: deque[int] = deque()
        self._thread: Thread | None = None

    def start(self) -> None:
        """
        Start the thread that receives messages. From then on only that thread may call `next`.
        """
        self._thread = start_thread(self._listen, "eas-control")

    def join(self, timeout: "float | None" = None) -> None:
        """
        Wait, for *timeout* seconds at most, until the front is gone.
        """
        if self._thread is not None:
            self._thread.join(timeout)

    def _send(self, message: Message) -> None:
        """
        Do nothing if the front is gone.
        """
        data = encode(message)
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError:
            pass

    def next(self) -> "Message | None":
        """
        Wait for the next message and return it; None if the front is gone.
        """
        while not self._messages:
            try:
                data, fds = self._read()
            except OSError:
                return None
            if not data:
                return None
            for fd in fds:
                os.set_inheritable(fd, False)
            self._fds.extend(fds)
            *lines, self._partial_line = (self._partial_line + data).split(b"\n")
            self._messages.extend(filter(None, map(_decoded, lines)))
        return self._messages.popleft()

    def _read(self) -> "tuple[bytes, array[int]]":
        """
        Wait for data, and return it with the descriptors that came along. Python before 3.9 has no `socket.recv_fds`.
        """
        fds = array("i")
        data, ancillary, _, _ = self._socket.recvmsg(_READ_SIZE, _socket.CMSG_LEN(_FDS_MAX * fds.itemsize))
        for level, kind, content in ancillary:
            if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
                fds.frombytes(content[: len(content) // fds.itemsize * fds.itemsize])
        return data, fds

    def take_fd(self) -> int:
        """
        Return the next of the descriptors that came with messages, in the order of arrival.
        """
        return self._fds.popleft()

    def _listen(self) -> None:
        for message in iter(self.next, None):
            self._receive(message)
        self._on_end()
        self.stopping.set()


class LocalChannel(ControlChannel):
    """
    The channel to a front in this process. *post* passes a message to it.

    Sending does not wait for the front, whose event loop does not run yet while the processor loads.
    """

    def __init__(self, post: "Callable[[Message], None]") -> None:
        super().__init__()
        self._post = post
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        start_thread(self._listen, "eas-control")

    def _send(self, message: Message) -> None:
        self._post(message)

    def deliver(self, message: Message) -> None:
        """
        Pass on a *message* from the front. Called by the front; handlers run later, on the thread that receives.
        """
        self._inbox.put(message)

    def _listen(self) -> None:
        while True:
            self._receive(self._inbox.get())


def _decoded(line: bytes) -> "Message | None":
    try:
        return decode(line)
    except MessageError as error:  # a bug of the host must not end the thread that receives
        print(f"a message from the front cannot be read: {error}", file=sys.stderr)
        return None
