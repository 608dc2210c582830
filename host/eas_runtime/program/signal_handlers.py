"""
Ctrl+C, SIGTERM and SIGHUP in the user's process.

The first of them lets the service answer what it has. A Ctrl+C after that ends the process at once; a further SIGTERM
does nothing, since supervisors send it more than once. What is printed then is EAS's own line.

Only Python's default handlers are replaced, and they are put back at the end: a program that has handlers of its own
keeps them.
"""

import os
import signal
from types import FrameType
from typing import Any, Callable

from eas_runtime import log, signals
from eas_runtime.ring import on_main_thread
from eas_runtime.unpatched import Event, start_thread

_DEFAULTS: "dict[signal.Signals, Any]" = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}
_STOPPING = "[INFO] shutting down context ... press Ctrl+C again to force quit"
"""EAS's own line (docs/eas-compatibility.md, section 3.8)."""
_PRINT_SECONDS = 0.5
"""How long a program that ends waits until that line is printed."""
FORCED = 130
"""Exit code after the second Ctrl+C: 128 + SIGINT, as shells report it."""


class SignalHandlers:
    """
    Calls *ask_to_stop*, on a thread of its own, at the first signal.

    Attributes:
        serving: whether requests are answered already. If not, the first signal ends the program.
    """

    def __init__(self, ask_to_stop: "Callable[[], None]") -> None:
        self.serving = False
        self._ask_to_stop = ask_to_stop
        self._asked = False
        self._drains = False
        self._status: int | None = None
        self._ended = Event()
        self._signalled = Event()
        self._printed = Event()
        self._replaced: list[signal.Signals] = []

    def install(self) -> None:
        """
        Replace the default handlers, if this is the main thread.
        """
        if not on_main_thread():
            return
        for number, default in _DEFAULTS.items():
            if signal.getsignal(number) is default:
                signals.set_handler(number, self._handle)
                self._replaced.append(number)
        signals.guard_handlers()
        start_thread(self._stop, "eas-stop")

    def remove(self) -> None:
        """
        Put the default handlers back, except where the program has replaced ours.
        """
        if not on_main_thread():
            return
        for number in self._replaced:
            signals.restore_handler(number)
        self._replaced.clear()

    def finish(self, status: int) -> None:
        """
        Put the default handlers back at the end of `run`. If `run` was on another thread and a signal has ended it,
        end the main thread with exit code *status* instead.
        """
        if on_main_thread():
            self.remove()
        elif self._asked:
            self.end_main_thread(status)

    def end_main_thread(self, status: int) -> None:
        """
        End the main thread with exit code *status*, whatever it waits for. Called on another thread.
        """
        self._status = status
        if self._replaced:
            signals.interrupt_main_thread(self._replaced[0], self._ended)

    def _handle(self, number: int, frame: "FrameType | None") -> None:
        if self._status is not None:
            self._ended.set()
            signals.ignore_further_stops()
            signals.exit_main_thread(self._status, frame)
            return
        if self._asked:
            if number == signal.SIGINT:
                os._exit(FORCED)
            return
        self._asked = True
        self._drains = self.serving
        self._signalled.set()
        if not self._drains:
            self._printed.wait(_PRINT_SECONDS)
            raise SystemExit(FORCED)

    def _stop(self) -> None:
        """
        Wait for the first signal, and do what it asks for. On a thread of its own: the code that is interrupted may
        hold the locks that printing and sending need. It is started early: when the main thread has ended, Python 3.12
        starts no thread any more.
        """
        self._signalled.wait()
        log.announce(_STOPPING)
        self._printed.set()
        if self._drains:
            self._ask_to_stop()
