"""
The Python face of the shared-memory ring, and the only importer of the native module.

`FrontRing` is the front's side, `WorkerRing` a worker's; how they share memory is written in native/src/ring.h.
"""

from eas_host.ring.face import (
    ANYONE,
    BAD_OUTPUT,
    COPIED,
    DAMAGED,
    DONE,
    FREE,
    RAISED,
    RETURNED,
    RUNNING,
    SUBMITTED,
    TOO_LARGE,
)
from eas_host.ring.front import LATENCY_BOUNDS, Crash, FrontRing, Shape, Stats
from eas_host.ring.signals import forget_signals, guard_signals, hold_signals_in_forks, restore_signals, take_signal
from eas_host.ring.worker import (
    Call,
    CppProgram,
    WorkerRing,
    die_with_parent,
    line_buffer_stdout,
    log,
    open_log,
    state_error,
    threw_error,
)

__all__ = [
    "ANYONE",
    "BAD_OUTPUT",
    "COPIED",
    "DAMAGED",
    "DONE",
    "FREE",
    "LATENCY_BOUNDS",
    "RAISED",
    "RETURNED",
    "RUNNING",
    "SUBMITTED",
    "TOO_LARGE",
    "Call",
    "CppProgram",
    "Crash",
    "FrontRing",
    "Shape",
    "Stats",
    "WorkerRing",
    "die_with_parent",
    "forget_signals",
    "guard_signals",
    "hold_signals_in_forks",
    "line_buffer_stdout",
    "log",
    "open_log",
    "restore_signals",
    "state_error",
    "take_signal",
    "threw_error",
]
