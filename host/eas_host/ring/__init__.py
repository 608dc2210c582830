"""
The front's side of the ring in shared memory that carries requests to the workers; no other package of the host imports
the native module. `eas_runtime.ring` has the workers' side, with which this one shares the outcomes of a request; how
both share the memory is written in native/src/layout.h.

In reading order:

- `bindings`: the native module, and the constants of slots.
- `statistics`: what a ring counts of the requests that it carries.
- `front`: `FrontRing`: submit a request, collect its completion, recover from a worker's death.
- `frames`: names of the functions on a stack.
"""

from eas_host.ring.bindings import (
    ANY_WORKER,
    COPIED,
    CORRUPT,
    DONE,
    FREE,
    NO_THREAD,
    PARTS,
    PARTS_ENDED,
    RUNNING,
    SUBMITTED,
)
from eas_host.ring.front import Crash, FrontRing, RingSize
from eas_host.ring.statistics import BATCH_BOUNDS, LATENCY_BOUNDS, Stats, Timing

__all__ = [
    "ANY_WORKER",
    "BATCH_BOUNDS",
    "COPIED",
    "CORRUPT",
    "DONE",
    "FREE",
    "LATENCY_BOUNDS",
    "NO_THREAD",
    "PARTS",
    "PARTS_ENDED",
    "RUNNING",
    "SUBMITTED",
    "Crash",
    "FrontRing",
    "RingSize",
    "Stats",
    "Timing",
]
