"""
Ctrl+C, SIGTERM and SIGHUP in the user's process, as EAS words them: the first lets the service answer what it has. A
Ctrl+C after it ends the process; supervisors send SIGTERM more than once and mean it as they meant the first.

Only Python's default handlers are replaced, in the main thread, and they are put back: a program that has its own
knows what it wants.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from eas_host import log, signals
from eas_host.unpatched import Event, on_main_thread, start_thread

_DEFAULTS: Final[dict[signal.Signals, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}
_STOPPING: Final = "[INFO] shutting down context ... press Ctrl+C again to force quit"
"""EAS's own line (docs/eas-compatibility.md, section 3.8)."""
_SAY_SECONDS: Final = 0.5
"""How long a program that ends waits for that to be printed."""
FORCED: Final = 130
"""Exit code after the second Ctrl+C: 128 + SIGINT, as shells report it."""


class Interrupts:
    """
    Calls *ask_to_stop*, on a thread of its own, at the first signal.

    Attributes:
        serving: whether there is anything to wait for; otherwise the first signal ends the program.
    """

    def __init__(self, ask_to_stop: Callable[[], None]) -> None:
        self.serving = False
        self._ask_to_stop = ask_to_stop
        self._asked = False
        self._over: int | None = None
        self._ended = Event()
        self._replaced: list[signal.Signals] = []

    def install(self) -> None:
        """
        Replace the default handlers, if this is the main thread.
        """
        if not on_main_thread():
            return
        for number, default in _DEFAULTS.items():
            if signal.getsignal(number) is default:
                signals.take(number, self._handle)
                self._replaced.append(number)
        signals.share_process()

    def remove(self) -> None:
        """
        Put the default handlers back, where ours are still there.
        """
        if not on_main_thread():
            return
        for number in self._replaced:
            signals.give_back(number)
        self._replaced.clear()

    def finish(self, status: int) -> None:
        """
        `run` is over, with exit code *status*. On another thread than the main one, that was interrupted in its stead.
        """
        if on_main_thread():
            self.remove()
        elif self._asked:
            self.end_main_thread(status)

    def end_main_thread(self, status: int) -> None:
        """
        All is over: end the main thread, whatever it waits for, with exit code *status*. Called on another thread.
        """
        self._over = status
        if self._replaced:
            signals.interrupt_main_thread(self._replaced[0], self._ended)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._over is not None:
            self._ended.set()
            signals.outlive_more()
            if threading.main_thread().is_alive():  # else its code is at its end, and Python waits for other threads
                raise SystemExit(self._over)
            return
        if self._asked:
            if number == signal.SIGINT:
                os._exit(FORCED)
            return
        self._asked = True
        # On a thread: the code that was interrupted may hold what it takes to print and to send.
        saying = start_thread(self._stop if self.serving else _say, "eas-stop")
        if not self.serving:
            saying.join(_SAY_SECONDS)
            raise SystemExit(FORCED)

    def _stop(self) -> None:
        _say()
        self._ask_to_stop()


def _say() -> None:
    log.announce(_STOPPING)
