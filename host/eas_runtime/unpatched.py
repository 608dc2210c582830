"""
Threads, locks and sockets of the operating system, also where gevent or eventlet has replaced those of Python.

gevent and eventlet replace them in a whole process, by greenlets that take turns in one thread. The user's code may run
patched so, if its author wants it. The host's code in the same process waits outside of Python, where no greenlet gets
a turn, and talks to threads that run at the same time. So it uses this module, which has what those packages cannot
replace, or else what was there before.

Where nothing is replaced, a thread is one of `threading`, which debuggers and profilers know.
"""

import _socket
import _thread
import contextlib
import importlib.util
import select
import sys
import threading
import time
from collections import deque
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Callable, TypeVar

if TYPE_CHECKING:
    import subprocess
    from typing import Protocol
else:
    Protocol = object  # which Python has since 3.8

_PATCHERS = {"gevent.monkey": "gevent", "eventlet.patcher": "eventlet"}
_TURN_SECONDS = 0.05
"""How often a thread that lets greenlets run checks whether what it waits for has happened."""
_SIGNAL_SECONDS = 0.2
"""The longest delay of a signal that comes just when Python's main thread is about to wait."""

T = TypeVar("T")


__all__ = [
    "Empty",
    "Event",
    "SimpleQueue",
    "Thread",
    "allocate_lock",
    "get_among_greenlets",
    "has_greenlets",
    "make_poll",
    "own_socket",
    "patcher",
    "socketpair",
    "start_process",
    "start_thread",
]


class Thread(Protocol):
    """
    A thread that `start_thread` has started.
    """

    @property
    def name(self) -> str:
        """
        Its name.
        """

    @property
    def ident(self) -> "int | None":
        """
        Its number, as in `sys._current_frames`; None before it runs.
        """

    def join(self, timeout: "float | None" = None) -> None:
        """
        Wait until it has ended, for *timeout* seconds at most.
        """

    def is_alive(self) -> bool:
        """
        Tell whether it has not ended yet.
        """


def start_thread(target: "Callable[..., object]", name: str, *args: object) -> Thread:
    """
    Call *target* with *args* in a daemon thread.
    """
    if patcher() is not None:
        return _Thread(target, name, args)
    thread = threading.Thread(target=target, name=name, args=args, daemon=True)
    thread.start()
    return thread


def allocate_lock() -> Any:  # noqa: ANN401  a lock of `threading`
    """
    Make a lock that any thread may release.
    """
    return _original("_thread", "allocate_lock")()


def patcher() -> "str | None":
    """
    Return the name of the package that has replaced the threads of this process; None: they are Python's own.
    """
    if isinstance(_thread.start_new_thread, BuiltinFunctionType):
        return None
    return next((name for module, name in _PATCHERS.items() if module in sys.modules), "some package")


def has_greenlets() -> bool:
    """
    Tell whether `time.sleep` lets greenlets run in this process. A package may replace it without replacing threads.
    """
    return not isinstance(time.sleep, BuiltinFunctionType)


def socketpair() -> "tuple[_socket.socket, _socket.socket]":
    """
    Make a pair of sockets that block.
    """
    return _socket.socketpair()


def start_process(command: "list[str]", **options: Any) -> "subprocess.Popen[bytes]":  # noqa: ANN401  as `Popen` takes them
    """
    Start a process that only its own `wait` reaps.
    """
    if not has_greenlets():
        import subprocess  # noqa: PLC0415  few processes start others, and each that is started would wait for it

        return subprocess.Popen(command, **options)
    # gevent has removed parts of the module, and its `os.close` closes later.
    fresh: Any = _load_again("subprocess")
    fresh.os = _load_again("os")
    process: subprocess.Popen[bytes] = fresh.Popen(command, **options)
    return process


def _load_again(name: str) -> ModuleType:
    """
    Load another copy of the module *name*, which nobody has patched.
    """
    spec = importlib.util.find_spec(name)
    assert spec is not None  # noqa: S101  it is a part of Python
    assert spec.loader is not None  # noqa: S101  the same
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def get_among_greenlets(queue: "SimpleQueue[T]") -> T:
    """
    Wait for an item of *queue* and return it, on a thread where greenlets may run: they run meanwhile.
    """
    while True:
        with contextlib.suppress(Empty):
            if not has_greenlets():
                return queue.get(timeout=_SIGNAL_SECONDS)
            return queue.get_nowait()
        if has_greenlets():
            time.sleep(_TURN_SECONDS)  # the replaced one


def own_socket(sock: Any) -> _socket.socket:  # noqa: ANN401  of whichever class
    """
    Take the descriptor of *sock* over, as an unpatched socket that blocks.
    """
    taken = _socket.socket(fileno=sock.detach())
    taken.setblocking(True)
    return taken


def make_poll() -> "select.poll":
    """
    Make a `select.poll`.
    """
    poll: select.poll = _original("select", "poll")()
    return poll


class _PlainQueue:
    """
    `SimpleQueue` for Python 3.6, which has none. As there, a signal's handler may put items while its thread waits: no
    lock is held meanwhile, since each step is one call of C.
    """

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._waiting: deque[Any] = deque()

    def put(self, item: object) -> None:
        """
        Add *item*, and wake a thread that waits.
        """
        self._items.append(item)
        self._wake_one()

    def get(self, timeout: "float | None" = None) -> Any:  # noqa: ANN401  an item
        """
        Wait for an item, *timeout* seconds at most.

        Raises:
            Empty: none has come.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            woken = allocate_lock()
            woken.acquire()
            self._waiting.append(woken)
            try:
                return self.get_nowait()
            except Empty:
                left = -1 if end is None else max(0.0, end - time.monotonic())
                if not woken.acquire(timeout=left):
                    raise
            finally:
                self._stop_waiting(woken)

    def get_nowait(self) -> Any:  # noqa: ANN401  an item
        """
        Return an item.

        Raises:
            Empty: there is none.
        """
        try:
            return self._items.popleft()
        except IndexError:
            raise Empty from None

    def qsize(self) -> int:
        """
        Return how many items there are.
        """
        return len(self._items)

    def _wake_one(self) -> None:
        with contextlib.suppress(IndexError):
            self._waiting.popleft().release()

    def _stop_waiting(self, woken: Any) -> None:  # noqa: ANN401  a lock
        """
        Let *woken* be woken no more. If it was, and took an item without that, another thread may be due.
        """
        try:
            self._waiting.remove(woken)
        except ValueError:
            if self._items:
                self._wake_one()


if TYPE_CHECKING or sys.version_info >= (3, 7):
    from _queue import Empty, SimpleQueue  # not those of `queue`, which gevent replaces
else:
    from queue import Empty

    SimpleQueue = _PlainQueue


class Event:
    """
    Does what `threading.Event` does, with a queue, which gevent and eventlet do not replace.
    """

    def __init__(self) -> None:
        self._set = False
        self._token: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """
        Tell whether it is set.
        """
        return self._set

    def set(self) -> None:
        """
        Let all threads that wait go on, now and later.
        """
        self._set = True
        self._token.put(None)

    def wait(self, timeout: "float | None" = None) -> bool:
        """
        Wait until it is set, *timeout* seconds at most, and tell whether it is.
        """
        if not self._set:
            try:
                self._token.get(timeout=timeout)
            except Empty:
                return self._set
            self._token.put(None)  # for the next thread that waits
        return True

    def wait_among_greenlets(self, seconds: float) -> bool:
        """
        Do the same on a thread where greenlets may run: they run meanwhile.
        """
        if not has_greenlets():
            return self.wait(seconds)
        end = time.monotonic() + seconds
        while not self._set and time.monotonic() < end:
            time.sleep(_TURN_SECONDS)  # the replaced one
        return self._set


class _Thread:
    """
    A thread of the operating system that `threading`, which is patched, does not know.
    """

    def __init__(self, target: "Callable[..., object]", name: str, args: "tuple[object, ...]") -> None:
        self.name = name
        self.ident: int | None = None
        self._ended = Event()
        self._target = target
        self._args = args
        _original("_thread", "start_new_thread")(self._run, ())

    def join(self, timeout: "float | None" = None) -> None:
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def _run(self) -> None:
        self.ident = _original("_thread", "get_ident")()
        try:
            self._target(*self._args)
        finally:
            self._ended.set()


def _original(module: str, name: str) -> Any:  # noqa: ANN401  functions and classes
    """
    Return *name* of *module* as it was before it was patched.
    """
    found = getattr(sys.modules[module], name, None)
    if "gevent.monkey" in sys.modules:
        earlier = sys.modules["gevent.monkey"].get_original(module, name)
        if earlier is not found:
            return earlier
    if "eventlet.patcher" in sys.modules:
        return getattr(sys.modules["eventlet.patcher"].original(module), name)
    return found
