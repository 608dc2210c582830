"""
A worker's side of the ring in shared memory that carries requests: take a request, complete it. `eas_host.ring` has the
front's side; how both share the memory is written in native/src/layout.h.

    native          what the native library is to this package
    ctypes_library  it, in the form that any Python can load
    current         the form that this process uses
    worker          `WorkerRing`, and what else a worker does natively: its log, its death with the host
    batches         several requests for one call
    signals         what the native library does about the signals of this process
"""

from eas_runtime.ring.batches import RingBatch, RingBatches, RingReader
from eas_runtime.ring.signals import (
    block_signals_in_forks,
    forget_signals,
    keep_signals_restored,
    on_main_thread,
    restore_signals,
    take_signal,
)
from eas_runtime.ring.worker import (
    BAD_OUTPUT,
    DETACHED,
    PART_CLOSED,
    PART_FULL,
    PART_SENT,
    PART_SIZE,
    RAISED,
    RETURNED,
    TOO_LARGE,
    RingCall,
    WorkerRing,
    die_with_parent,
    line_buffer_stdout,
    log,
    open_log,
)

__all__ = [
    "BAD_OUTPUT",
    "DETACHED",
    "PART_CLOSED",
    "PART_FULL",
    "PART_SENT",
    "PART_SIZE",
    "RAISED",
    "RETURNED",
    "TOO_LARGE",
    "RingBatch",
    "RingBatches",
    "RingCall",
    "RingReader",
    "WorkerRing",
    "block_signals_in_forks",
    "die_with_parent",
    "forget_signals",
    "keep_signals_restored",
    "line_buffer_stdout",
    "log",
    "on_main_thread",
    "open_log",
    "restore_signals",
    "take_signal",
]
