"""
The signals that the host handles in its own processes, and how it shares them with the user's code.

A signal that ends a program is meant for the host: it drains, and its workers finish their requests. So each process
of the host has handlers for these signals. They are not inherited: a child that it forks, such as a process pool of the
user's code, reacts to signals like any process, however it is forked. It keeps a Python handler that the user has set.
It loses the host's handlers, and also the descriptor over which Python tells the event loop of a signal. A JVM that the
user's code starts installs handlers of its own for these signals; the host puts its own back.
"""

import os
import signal
import sys
import threading
from functools import partial
from types import FrameType
from typing import Any, Callable, NamedTuple

from eas_runtime import at_fork
from eas_runtime.ring import block_signals_in_forks, forget_signals, keep_signals_restored, restore_signals, take_signal
from eas_runtime.unpatched import Event

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""They ask the host to stop: Ctrl+C, a supervisor, the end of a terminal."""
UNUSED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
"""The host has no use for them, and by default they would end it."""
_RETRY_SECONDS = 0.05
"""How long to wait before a signal that has not been handled is sent again."""


class _OwnHandler(NamedTuple):
    handler: Any
    before: Any


_own_handlers: "dict[signal.Signals, _OwnHandler]" = {}
_fork_hooks_set = False


def set_handler(number: signal.Signals, handler: "Callable[..., object]") -> None:
    """
    Handle the signal *number* with *handler*. This must be called on the main thread.
    """
    install_handler(number, partial(signal.signal, number, handler))


def install_handler(number: signal.Signals, install: "Callable[[], object]") -> None:
    """
    Handle the signal *number* with the handler that *install* sets.
    """
    earlier = _own_handlers.get(number)
    before = signal.getsignal(number) if earlier is None else earlier.before
    if number == signal.SIGINT and before == signal.SIG_DFL:
        before = signal.default_int_handler  # the default of a Python process
    install()
    _own_handlers[number] = _OwnHandler(signal.getsignal(number), before)
    _set_fork_hooks()
    take_signal(number, ignored=before == signal.SIG_IGN)


def restore_handler(number: signal.Signals) -> None:
    """
    Restore the handler that was there before, if ours is still set. This must be called on the main thread.
    """
    own = _own_handlers.pop(number, None)
    if own is not None and signal.getsignal(number) == own.handler:
        signal.signal(number, own.before)


def ignore_further_stops() -> None:
    """
    Ignore further stop signals, so that a supervisor that repeats them does not disturb the end of this process. This
    must be called on the main thread.
    """
    for number in STOP:
        if number != signal.SIGINT:  # Ctrl+C must still end a process that hangs at its end
            signal.signal(number, signal.SIG_IGN)


def is_ignored(number: signal.Signals) -> bool:
    """
    Tell whether the parent of this process has made it ignore *number*, as `nohup` does with SIGHUP.
    """
    return signal.getsignal(number) == signal.SIG_IGN


def ignore_unused() -> None:
    """
    Ignore the signals that the host has no use for, unless somebody has set a handler for them.
    """
    for number in UNUSED:
        if signal.getsignal(number) == signal.SIG_DFL:
            set_handler(number, lambda *_: None)  # not SIG_IGN, which child processes would inherit


def guard_handlers() -> None:
    """
    Guard the host's handlers against the user's code, which is about to run in this process: from now on they are put
    back soon after a JVM has replaced them.
    """
    keep_signals_restored()


def interrupt_main_thread(number: signal.Signals, handled: Event) -> None:
    """
    Make the main thread handle the signal *number*, even if it waits. The handler sets the event *handled*.

    Python misses a signal that arrives just before a thread begins to wait, so the signal is repeated.
    """
    while not handled.is_set() and (threading.main_thread().is_alive() or _waits_for_pools()):
        os.kill(os.getpid(), number)  # the kernel delivers it to the main thread unless that blocks it
        handled.wait(_RETRY_SECONDS)


def exit_main_thread(status: int, frame: "FrameType | None") -> None:
    """
    End the main thread, which a signal has interrupted in *frame*, with exit code *status*, unless it has ended.

    At the end of its code it waits for the threads of executors, then for all others. An exception ends the first of
    these waits; but Python can raise it nowhere then and prints it, which would look like a fault of the program.

    Raises:
        SystemExit: unless it has ended.
    """
    if not (threading.main_thread().is_alive() or _waits_for_pools()):
        return  # Python waits for the others
    end = SystemExit(status)
    if _is_at_its_end(frame):
        hook = sys.unraisablehook
        sys.unraisablehook = lambda unraisable: None if unraisable.exc_value is end else hook(unraisable)
    raise end


def _is_at_its_end(frame: "FrameType | None") -> bool:
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame is not None and (frame.f_code.co_filename, frame.f_code.co_name) == (threading.__file__, "_shutdown")


def _waits_for_pools() -> bool:
    """
    Tell whether the main thread, whose code has ended, waits for the threads of executors. Before 3.9 Python calls it
    ended then, and takes a SystemExit there in silence.
    """
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001  documented, with that name
    while frame is not None and frame.f_code.co_name != "_python_exit":
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.endswith("concurrent/futures/thread.py")


def retake_signals() -> None:
    """
    Put the host's handlers back now.
    """
    restore_signals()


def _set_fork_hooks() -> None:
    global _fork_hooks_set  # noqa: PLW0603  hooks cannot be removed, and a forked child inherits them
    if not _fork_hooks_set:
        _fork_hooks_set = True
        at_fork.register(after_in_child=_begin_child)
        block_signals_in_forks()


def _begin_child() -> None:
    if _own_handlers:
        signal.set_wakeup_fd(-1)
    for number in tuple(_own_handlers):
        restore_handler(number)
    forget_signals()
