"""
pdb around the methods of a processor, for `eas-host debug`: this worker has the terminal.

Strategy: a call is traced from its first line on, in the thread that makes it without a debugger, too. Tracing goes on
when the user continues, so that breakpoints hold, and Ctrl+C, which the host passes on as SIGINT, can stop a call that
does not come to its end. An exception that the method raises stops once more, where it was raised. When the user quits,
the host is asked to stop.
"""

import bdb
import os
import pdb  # noqa: T100  that is what this file is about
import signal
import sys
import threading
import time
import traceback
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Callable

from eas_runtime import signals
from eas_runtime.python.debugged_steps import ENDED, debugged_steps, makes_steps


class Debugger(pdb.Pdb):
    """
    Stops at the first line of *method*, `process` or `initialize`, at each call; with `process` also at that of
    `batch_process`. It must be made on the main thread.
    """

    def __init__(self, method: str) -> None:
        super().__init__(nosigint=True)  # the handler of SIGINT must be set on the main thread
        self._stops_at = method
        self._thread = threading.get_ident()
        self._is_running = False
        self._has_quit = False
        signals.set_handler(signal.SIGINT, self._on_interrupt)

    def wrap(self, name: str, method: "Callable[..., Any]") -> "Callable[..., Any]":
        """
        Return what calls *method*, which has that *name*, under this debugger.
        """
        stops = name == self._stops_at or (name == "batch_process" and self._stops_at == "process")
        call = partial(self._call, method, stops)
        if name != "batch_process":
            return call

        def call_batch(batch: "list[bytes]") -> Any:  # noqa: ANN401  the user's
            count = len(batch)
            returned = call(batch)
            return [ENDED] * count if returned is ENDED else returned

        return call_batch

    def _call(self, method: "Callable[..., Any]", stops: bool, *args: object) -> Any:  # noqa: ANN401  the user's
        later = makes_steps(method)
        returned = self.run_step(method, args, stops=stops and not later)
        if later:
            return debugged_steps(self.run_step, returned, stops=stops)
        if isinstance(returned, tuple) and returned is not ENDED:
            return tuple(debugged_steps(self.run_step, part, stops=None) for part in returned)
        return debugged_steps(self.run_step, returned, stops=None)

    def run_step(self, method: "Callable[..., Any]", args: "tuple[object, ...]", *, stops: "bool | None") -> Any:  # noqa: ANN401
        """
        Call *method*, which may be a step of a generator or coroutine. Whether it *stops* at its first line; None: it
        goes on as the last step of it has ended. If the user has quit, the result is `ENDED`.
        """
        self._thread = threading.get_ident()
        try:
            return self._trace(method, stops, args)
        except (StopIteration, StopAsyncIteration, GeneratorExit):  # the end of the steps
            raise
        except bdb.BdbQuit:
            self._has_quit = True  # also in a debugger that the user's code has made
        except BaseException as error:
            if not self._has_quit:
                self._show(error)
            if not self._has_quit:
                raise
        finally:
            self._is_running = False
            if self._has_quit:
                self._stop_host()
        return ENDED

    def _trace(self, method: "Callable[..., Any]", stops: "bool | None", args: "tuple[object, ...]") -> Any:  # noqa: ANN401
        if stops is not None:
            self.reset()
        if stops is False:
            self.botframe = sys._getframe()  # noqa: SLF001  as bdb itself does
            self.set_continue()
        hook = getattr(sys, "breakpointhook", None)  # Python has it since 3.7
        if hook is not None and not os.environ.get("PYTHONBREAKPOINT"):
            sys.breakpointhook = self._on_breakpoint
        self._is_running = True
        sys.settrace(self.trace_dispatch)
        try:
            return method(*args)
        finally:
            sys.settrace(None)
            if hook is not None:
                sys.breakpointhook = hook

    def _show(self, error: BaseException) -> None:
        """
        Stop where *error* was raised.
        """
        inner: TracebackType | None = error.__traceback__
        while inner is not None and inner.tb_frame.f_code.co_filename == __file__:
            inner = inner.tb_next
        if inner is None:
            return
        self._is_running = False
        self.message("".join(traceback.format_exception_only(type(error), error)).rstrip("\n"))
        self.message("Stopped where this was raised; `continue` sends the answer.")
        self.reset()
        self.interaction(None, inner)

    # -- what pdb does otherwise

    def interaction(self, frame: "FrameType | None", *args: Any) -> None:  # noqa: ANN401  versions differ
        """
        Talk to the user. Ctrl+C does nothing meanwhile.
        """
        was_running, self._is_running = self._is_running, False
        try:
            super().interaction(frame, *args)
        finally:
            self._is_running = was_running

    def set_continue(self) -> None:
        """
        Go on until the next breakpoint, and keep tracing.
        """
        self._set_stopinfo(self.botframe, None, -1)  # type: ignore[attr-defined]  # as bdb itself does

    def set_quit(self) -> None:
        """
        End the call, and then the host.
        """
        super().set_quit()
        self._has_quit = True

    # -- the end, Ctrl+C and breakpoint()

    def _stop_host(self) -> None:
        os.kill(os.getppid(), signal.SIGTERM)
        if self._thread == threading.main_thread().ident:  # in `initialize`: the host ends this process
            while True:
                time.sleep(3600)

    def _on_interrupt(self, *_: object) -> None:
        """
        Stop at the next line of the call that runs.
        """
        if not self._is_running:
            return
        self.message("\nProgram interrupted.")
        self._stop_soon(sys._current_frames().get(self._thread))  # noqa: SLF001  documented, with that name

    def _on_breakpoint(self, *_: object, **__: object) -> None:
        self._stop_soon(sys._getframe(1))  # noqa: SLF001  as bdb itself does

    def _stop_soon(self, frame: "FrameType | None") -> None:
        """
        Stop at the next line of *frame*, or of what it calls.
        """
        self.set_step()
        while frame is not None and frame is not self.botframe:
            if frame.f_code.co_filename != __file__:
                frame.f_trace = self.trace_dispatch
            frame = frame.f_back
