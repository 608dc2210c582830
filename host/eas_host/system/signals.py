"""
The signals that the host takes in its own processes, and who else is there.

What ends a program means the host: it drains, its workers go on with their requests. So a process of the host has
handlers for them, and they are for it alone. A child that it forks, a pool of the user's code for example, takes
signals as any process does, however it is forked: a handler of Python that the user has set goes with it, ours does
not, and neither does the descriptor over which Python tells the event loop of a signal. A JVM that the user's code
starts takes the signals that end a program; they are taken back.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from eas_host.ring import block_signals_in_forks, forget_signals, keep_signals_restored, restore_signals, take_signal
from eas_host.unpatched import Event

STOP: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""They ask a host to stop: Ctrl+C, a supervisor, the end of a terminal."""
UNUSED: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
"""They mean nothing to a host, and by default they would end it."""
_AGAIN_SECONDS: Final = 0.05
"""After how long a signal that has not been handled is sent again."""


class _Taken(NamedTuple):
    handler: Any
    before: Any


_taken: Final[dict[signal.Signals, _Taken]] = {}
_hooked = False


def take(number: signal.Signals, handler: Callable[..., object]) -> None:
    """
    Handle *number* with *handler*. To be called on the main thread.
    """
    take_by(number, partial(signal.signal, number, handler))


def take_by(number: signal.Signals, install: Callable[[], object]) -> None:
    """
    Handle *number* with the handler that *install* sets.
    """
    earlier = _taken.get(number)
    before = signal.getsignal(number) if earlier is None else earlier.before
    if number == signal.SIGINT and before == signal.SIG_DFL:
        before = signal.default_int_handler  # what a process of Python begins with
    install()
    _taken[number] = _Taken(signal.getsignal(number), before)
    _hook_forks()
    take_signal(number, ignored=before == signal.SIG_IGN)


def give_back(number: signal.Signals) -> None:
    """
    Put back what was there before, if our handler is still there. To be called on the main thread.
    """
    taken = _taken.pop(number, None)
    if taken is not None and signal.getsignal(number) == taken.handler:
        signal.signal(number, taken.before)


def outlive_more() -> None:
    """
    All is answered: more of what supervisors send shall not spoil this process's end. To be called on the main thread.
    """
    for number in STOP:
        if number != signal.SIGINT:  # nothing else could end a process that hangs at its end
            signal.signal(number, signal.SIG_IGN)


def is_ignored(number: signal.Signals) -> bool:
    """
    Whether whoever started this process wants *number* to be ignored, as `nohup` does with SIGHUP.
    """
    return signal.getsignal(number) == signal.SIG_IGN


def ignore_unused() -> None:
    """
    Outlive the signals that mean nothing here, where nobody else has a use for them.
    """
    for number in UNUSED:
        if signal.getsignal(number) == signal.SIG_DFL:
            take(number, lambda *_: None)  # not SIG_IGN: what is started would inherit that


def share_process() -> None:
    """
    The user's code is about to run in this process: from now on take back what a JVM of it takes, soon after.
    """
    keep_signals_restored()


def interrupt_main_thread(number: signal.Signals, handled: Event) -> None:
    """
    Have the main thread handle *number*, which it does with a handler that sets *handled*, wherever it waits.

    Python misses a signal that comes while a thread is about to wait, so one may not be enough.
    """
    while not handled.is_set() and threading.main_thread().is_alive():
        os.kill(os.getpid(), number)  # the kernel gives it to the main thread, if that does not block it
        handled.wait(_AGAIN_SECONDS)


def take_back() -> None:
    """
    Do it now.
    """
    restore_signals()


def _hook_forks() -> None:
    global _hooked  # noqa: PLW0603  hooks cannot be removed, and a forked child inherits them
    if not _hooked:
        _hooked = True
        os.register_at_fork(after_in_child=_begin_child)
        block_signals_in_forks()


def _begin_child() -> None:
    if _taken:
        signal.set_wakeup_fd(-1)
    for number in tuple(_taken):
        give_back(number)
    forget_signals()
