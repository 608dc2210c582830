"""
The native module and the constants that both sides of the ring share.

cffi's `lib` has no types; `FrontRing` and `WorkerRing` give its functions types where they wrap them.
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
"""Outcome: the processor raised; the message is the output."""
BAD_OUTPUT: Final = 2
"""Outcome: what the processor returned cannot be an output; an explanation is the output."""
TOO_LARGE: Final = 3
"""Outcome: the output is larger than the limit; an explanation is the output."""

COPIED: Final = 256
"""Added to the outcome of a completion whose output `FrontRing.collect` has copied and whose slot is free again."""

FREE: Final = 0
SUBMITTED: Final = 1
RUNNING: Final = 2
DONE: Final = 3
"""Phases of a slot, in the order in which a slot passes them."""
CORRUPT: Final = 4
"""The phase of a slot whose state a processor has overwritten."""

ANY_WORKER: Final = 4095
"""The worker of a slot that is SUBMITTED and that any worker may take."""

ERROR_SIZE: Final = 4096
"""Bytes for one line of error text: enough for a path of PATH_MAX (4096 bytes)."""


def text(buffer: Any) -> str:  # noqa: ANN401  a cffi char array
    """
    Decode a NUL-terminated text that the native module wrote.
    """
    raw: bytes = ffi.string(buffer)
    return raw.decode("utf-8", "replace")
