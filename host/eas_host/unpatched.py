"""
Threads, locks and sockets of the operating system, whatever stands in their place.

gevent and eventlet replace those of Python for a whole process, by greenlets that take turns in one thread. That is a
matter of the user's code, which runs as patched as its author wants it. What serves it in the same process waits
outside of Python, where no greenlet gets a turn, and talks to threads that run at the same time. So it takes what is
in this module: what they cannot replace, and where they have, what was there before.

Where nothing is replaced a thread is one of `threading`, with all that debuggers and profilers know of it.
"""

from __future__ import annotations

import _socket
import _thread
import contextlib
import importlib.util
import os
import select
import subprocess
import sys
import threading
import time
from _queue import Empty, SimpleQueue
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType
from typing import Any, Final, Protocol, TypeVar

_PATCHERS: Final = {"gevent.monkey": "gevent", "eventlet.patcher": "eventlet"}
_TURN_SECONDS: Final = 0.05
"""How often who waits for greenlets to have their turns looks whether the waiting is over."""
_SIGNAL_SECONDS: Final = 0.2
"""How late Python handles a signal that comes just when its main thread is about to wait."""

T = TypeVar("T")


class Thread(Protocol):
    """
    What there is of a thread that was started here.
    """

    @property
    def name(self) -> str:
        """
        Its name.
        """

    @property
    def ident(self) -> int | None:
        """
        Its number, as `sys._current_frames` has it.
        """

    def join(self, timeout: float | None = None) -> None:
        """
        Wait until it has ended, for *timeout* seconds at most.
        """


def start_thread(target: Callable[..., object], name: str, *args: object) -> Thread:
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


def patcher() -> str | None:
    """
    Who has replaced the threads of this process; None: nobody.
    """
    if isinstance(_thread.start_new_thread, BuiltinFunctionType):
        return None
    return next((name for module, name in _PATCHERS.items() if module in sys.modules), "some package")


def has_greenlets() -> bool:
    """
    Whether who sleeps in this process lets greenlets have their turns, which may also be so with threads as they were.
    """
    return not isinstance(time.sleep, BuiltinFunctionType)


def on_main_thread() -> bool:
    """
    Whether this is the thread in which Python handles signals.
    """
    return threading.get_native_id() == os.getpid()


def socketpair() -> tuple[_socket.socket, _socket.socket]:
    """
    Make a pair of sockets that block.
    """
    return _socket.socketpair()


def start_process(words: list[str], **how: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401  what `Popen` takes
    """
    Start a process that only who waits for it reaps.
    """
    if not has_greenlets():
        return subprocess.Popen(words, **how)
    # gevent has taken parts of it away, and its `os.close` closes later.
    fresh: Any = _load_again("subprocess")
    fresh.os = _load_again("os")
    process: subprocess.Popen[bytes] = fresh.Popen(words, **how)
    return process


def _load_again(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    assert spec is not None  # noqa: S101  it is a part of Python
    assert spec.loader is not None  # noqa: S101  the same
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def get_among_greenlets(queue: SimpleQueue[T]) -> T:
    """
    Wait for what comes over *queue*, on a thread where greenlets may be.
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
    Take over *sock*, as a socket that blocks.
    """
    taken = _socket.socket(fileno=sock.detach())
    taken.setblocking(True)
    return taken


def make_poll() -> select.poll:
    """
    Make a `select.poll`.
    """
    poll: select.poll = _original("select", "poll")()
    return poll


class Event:
    """
    What `threading.Event` is, made of a queue, which nobody replaces.
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
        Let all who wait go on.
        """
        self._set = True
        self._token.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """
        Wait until it is set, *timeout* seconds at most, and tell whether it is.
        """
        if not self._set:
            try:
                self._token.get(timeout=timeout)
            except Empty:
                return self._set
            self._token.put(None)  # for the next who waits
        return True

    def wait_among_greenlets(self, seconds: float) -> bool:
        """
        The same, on a thread where greenlets may be.
        """
        if not has_greenlets():
            return self.wait(seconds)
        end = time.monotonic() + seconds
        while not self._set and time.monotonic() < end:
            time.sleep(_TURN_SECONDS)  # the replaced one
        return self._set


class _Thread:
    """
    A thread that `threading` does not know.
    """

    def __init__(self, target: Callable[..., object], name: str, args: tuple[object, ...]) -> None:
        self.name = name
        self.ident: int | None = None
        self._ended = Event()
        self._target = target
        self._args = args
        _original("_thread", "start_new_thread")(self._run, ())

    def join(self, timeout: float | None = None) -> None:
        self._ended.wait(timeout)

    def _run(self) -> None:
        self.ident = _original("_thread", "get_ident")()
        try:
            self._target(*self._args)
        finally:
            self._ended.set()


def _original(module: str, name: str) -> Any:  # noqa: ANN401  functions and classes
    """
    Find *name* in *module* as Python brings it.
    """
    found = getattr(sys.modules[module], name, None)
    if "gevent.monkey" in sys.modules:
        earlier = sys.modules["gevent.monkey"].get_original(module, name)
        if earlier is not found:
            return earlier
    if "eventlet.patcher" in sys.modules:
        return getattr(sys.modules["eventlet.patcher"].original(module), name)
    return found
