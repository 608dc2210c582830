"""
What is said of a crash, for records that are hard to make happen. tests/debugging has those of real processors.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from eas_host.ring import Crash
from eas_host.ring.bindings import FAULT_JUMP, FAULT_READ_ONLY, FAULT_STACK_OVERFLOW
from eas_host.symbols.crash import explain
from eas_host.symbols.locator import Locator


def crash(number: int, code: int = 1, **more: Any) -> Crash:  # noqa: ANN401  any of the other fields
    return Crash(number, code, slot=0, thread=0, address=0, places=())._replace(**more)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (crash(signal.SIGSEGV, address=8), "NULL pointer dereference (address 0x8)"),
        (crash(signal.SIGSEGV, address=0x7F0000000000), "access to address 0x7f0000000000"),
        (crash(signal.SIGSEGV, code=-6), ""),
        (crash(signal.SIGSEGV, code=128), "use of a pointer that is no address: freed, overwritten or never set"),
        (crash(signal.SIGSEGV, fault=FAULT_JUMP), "call of a NULL function pointer"),
        (
            crash(signal.SIGSEGV, fault=FAULT_JUMP, address=0x123456),
            "jump to address 0x123456, where no code is: a function pointer or a return address was overwritten",
        ),
        (
            crash(signal.SIGSEGV, fault=FAULT_READ_ONLY, address=0x500000),
            "write to read-only memory (address 0x500000), such as a string literal",
        ),
        (
            crash(signal.SIGSEGV, fault=FAULT_STACK_OVERFLOW),
            "stack overflow: its local variables need more than the stack has",
        ),
        (
            crash(signal.SIGSEGV, address=5, input_size=5),
            "NULL pointer dereference (address 0x5), or the size of the input used as a pointer: has `process` the par",
        ),
        (crash(signal.SIGFPE), "integer division by zero"),
        (crash(signal.SIGFPE, code=3), ""),
        (crash(signal.SIGBUS, code=2), "access beyond the end of a mapped file"),
        (crash(signal.SIGABRT, code=-6), ""),
        (crash(signal.SIGABRT, message="*** stack smashing detected ***: terminated\n"), "stack smashing detected:"),
        (crash(signal.SIGABRT, message="python3: a.cc:3: int f(): Assertion `n > 0' failed.\n"), "a.cc:3: int f(): A"),
        (
            crash(signal.SIGABRT, message="munmap_chunk(): invalid pointer\n"),
            "munmap_chunk(): invalid pointer: the heap",
        ),
        (crash(signal.SIGABRT, exception="int", message="not thrown to the end"), "not thrown to the end"),
        (crash(signal.SIGILL), ""),
        (crash(0), ""),
    ],
    ids=lambda value: value[:24] or "nothing" if isinstance(value, str) else None,
)
def test_record_is_explained(record: Crash, text: str) -> None:
    explained = asyncio.run(explain(record, Locator()))
    assert explained.explanation.startswith(text)
    assert text or not explained.explanation
    assert explained.frames == ()
