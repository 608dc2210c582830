"""
The native module and the constants that both sides of the ring share.

cffi's `lib` knows no types; the calls are typed where `FrontRing` and `WorkerRing` wrap them.
"""

from __future__ import annotations

from typing import Any, Final

try:
    from eas_host import _native
except ImportError as missing:
    raise ImportError(f"the native module is not built ({missing}); run `make setup`, or `pip install .`") from missing

lib: Final[Any] = _native.lib
ffi: Final[Any] = _native.ffi

RETURNED: Final = 0
"""Outcome: the processor returned; the status is its return code."""
RAISED: Final = 1
"""Outcome: it raised; its message is the output."""
BAD_OUTPUT: Final = 2
"""Outcome: what it returned cannot be an output; the explanation is the output."""
TOO_LARGE: Final = 3
"""Outcome: its output is above the limit; the explanation is the output."""

COPIED: Final = 256
"""Added to the outcome of a completion whose output `FrontRing.collect` has copied and whose slot is free again."""

FREE: Final = 0
SUBMITTED: Final = 1
RUNNING: Final = 2
DONE: Final = 3
"""Phases of a slot, in the order of its life."""
DAMAGED: Final = 4
"""The phase of a slot whose state a processor has overwritten."""

ANYONE: Final = 4095
"""The worker of a slot that is SUBMITTED for whoever comes first."""

ERROR_SIZE: Final = 4096
"""Room for one line of error text, a path of PATH_MAX included."""


def text(buffer: Any) -> str:  # noqa: ANN401  a cffi char array
    """
    Read a NUL-terminated text that the native side wrote.
    """
    raw: bytes = ffi.string(buffer)
    return raw.decode("utf-8", "replace")
