"""
The ring in shared memory that carries requests to the workers, as Python sees it; no other package imports the native
module. How both sides share the memory is written in native/src/layout.h.

In reading order:

- `bindings`: the native module, and the constants that both sides share.
- `front`: `FrontRing`, the front's side: submit a request, collect its completion, recover from a worker's death.
- `worker`: `WorkerRing`, a worker's side: take a request, complete it; and `CppLibrary`, a processor in C++.
- `signals`: what the native module does about the signals of this process.
"""

from eas_host.ring.bindings import (
    ANY_WORKER,
    BAD_OUTPUT,
    COPIED,
    CORRUPT,
    DONE,
    FREE,
    RAISED,
    RETURNED,
    RUNNING,
    SUBMITTED,
    TOO_LARGE,
)
from eas_host.ring.front import LATENCY_BOUNDS, Crash, FrontRing, RingSize, Stats
from eas_host.ring.signals import (
    block_signals_in_forks,
    forget_signals,
    keep_signals_restored,
    restore_signals,
    take_signal,
)
from eas_host.ring.worker import (
    CppLibrary,
    RingCall,
    WorkerRing,
    die_with_parent,
    line_buffer_stdout,
    log,
    open_log,
    state_error,
    threw_error,
)

__all__ = [
    "ANY_WORKER",
    "BAD_OUTPUT",
    "COPIED",
    "CORRUPT",
    "DONE",
    "FREE",
    "LATENCY_BOUNDS",
    "RAISED",
    "RETURNED",
    "RUNNING",
    "SUBMITTED",
    "TOO_LARGE",
    "CppLibrary",
    "Crash",
    "FrontRing",
    "RingCall",
    "RingSize",
    "Stats",
    "WorkerRing",
    "block_signals_in_forks",
    "die_with_parent",
    "forget_signals",
    "keep_signals_restored",
    "line_buffer_stdout",
    "log",
    "open_log",
    "restore_signals",
    "state_error",
    "take_signal",
    "threw_error",
]
