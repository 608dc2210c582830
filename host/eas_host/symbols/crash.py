"""
Says what a crash was and where, from what the worker's crash handler has recorded.

The explanation is one clause, which follows the name of the signal and what was running: `NULL pointer dereference
(address 0x8)`. It has the names of functions, but not of files: clients may see it.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Sequence
from typing import Final

from eas_host import log
from eas_host.ring import Crash
from eas_host.ring.bindings import FAULT_JUMP, FAULT_READ_ONLY, FAULT_RETURN, FAULT_STACK_OVERFLOW
from eas_host.ring.front import SANITIZER
from eas_host.symbols import stack
from eas_host.symbols.frame import StackFrame
from eas_host.symbols.locator import Locator, locator_of

_FIRST_ADDRESS: Final = 65536
"""Nothing is mapped below it (vm.mmap_min_addr), so a smaller address is an offset from a NULL pointer."""
_FPE_INTDIV, _BUS_ADRERR, _SI_KERNEL = 1, 2, 128
_TERMINATE: Final = re.compile(r"std::terminate|__gnu_cxx::__verbose_terminate_handler|__cxxabiv1::__terminate")
_CPP_RUNTIME: Final = re.compile(r".*/lib(stdc\+\+|c\+\+abi)[-.].*")
_SMASHED: Final = "stack smashing detected"
_HEAP: Final = re.compile(r"(free|malloc|realloc|calloc|munmap_chunk|mremap_chunk|malloc_consolidate|unlink_chunk)\(")
_HEAP_WORDS: Final = re.compile(r"double free|corrupted|unaligned|invalid pointer|invalid size")
_SANITIZE: Final = "; compile with -fsanitize=address to see where"
_ASSERTION: Final = re.compile(r"[^:]+: (?P<text>.*:\d+: .*Assertion .*)", re.DOTALL)


def explain_then(crash: Crash | None, loop: asyncio.AbstractEventLoop, then: Callable[[Crash | None], None]) -> None:
    """
    Explain *crash*, if there is one, and call *then* with that: now, or soon.
    """
    if crash is None:
        then(None)
        return
    locator = locator_of(loop)
    locator.run(_explain_if_possible(crash, locator), then)


async def _explain_if_possible(crash: Crash, locator: Locator) -> Crash:
    try:
        return await explain(crash, locator)
    except Exception:  # noqa: BLE001  a bug of ours costs the explanation, not the answer
        log.exception("internal error while explaining a crash")
        return crash


async def explain(crash: Crash, locator: Locator) -> Crash:
    """
    Return *crash* with an explanation and the processor's frames.
    """
    frames = await locator.locate(crash.places)
    users = stack.of_processor(frames) if not crash.output or crash.by_done else []
    inner = frames[: frames.index(users[0])] if users else []
    explanation = _explanation(crash, inner, users)
    return crash._replace(frames=tuple(stack.texts(users)), explanation=explanation)


def _explanation(crash: Crash, inner: Sequence[StackFrame], users: Sequence[StackFrame]) -> str:
    """
    Say what happened in *users*, the processor's frames, or in *inner*, the frames that they had called.
    """
    if crash.call == SANITIZER:
        return "the host was reading or freeing the output" if crash.output else ""
    if crash.output and crash.by_done:
        return f"the host was reading the output that `done` was given, {crash.output:#x}: it, or its size, is wrong"
    if crash.output:
        return _output(crash.output)
    function = f" in {users[0].function}" if users and users[0].function else ""
    if crash.signal == signal.SIGABRT:
        return _abort(crash, inner, function)
    if crash.signal == signal.SIGFPE:
        return "integer division by zero" if crash.code == _FPE_INTDIV else ""
    if crash.signal == signal.SIGBUS:
        return "access beyond the end of a mapped file" if crash.code == _BUS_ADRERR else ""
    if crash.signal == signal.SIGSEGV and crash.code > 0:  # otherwise somebody has sent it, and there is no address
        return _segmentation_fault(crash, users, function) + _within(inner)
    return ""


def _segmentation_fault(crash: Crash, users: Sequence[StackFrame], function: str) -> str:
    address = f"address {crash.address:#x}"
    if crash.fault == FAULT_STACK_OVERFLOW:
        why = "endless recursion" if stack.is_endless(users[1:]) else "its local variables need more than the stack has"
        return f"stack overflow{function}: {why}"
    if crash.fault == FAULT_RETURN:
        return f"the return address{function} was overwritten: a local buffer was overrun"
    if crash.fault == FAULT_JUMP and not crash.address:
        return "call of a NULL function pointer"
    if crash.fault == FAULT_JUMP:
        return f"jump to {address}, where no code is: a function pointer or a return address was overwritten"
    if crash.code == _SI_KERNEL:
        return "use of a pointer that is no address: freed, overwritten or never set"
    text = f"access to {address}"
    if crash.address < _FIRST_ADDRESS:
        text = f"NULL pointer dereference ({address})"
    elif crash.fault == FAULT_READ_ONLY:
        text = f"write to read-only memory ({address}), such as a string literal"
    if crash.slot >= 0 and crash.input_size and crash.address == crash.input_size:
        text += ", or the size of the input used as a pointer: has `process` the parameters of eas/processor.h?"
    return text


def _output(pointer: int) -> str:
    """
    Say that the host itself was at work, on the output *pointer* of a processor in C++.
    """
    return (
        f"the host was reading or freeing the output; *output_data is {pointer:#x}: malloc has not returned that, or it"
        " is freed already, or output_size is too large, or the processor has written beyond a block"
    )


def _abort(crash: Crash, inner: Sequence[StackFrame], function: str) -> str:
    message = crash.message.strip().strip("* ")
    if crash.exception and _terminates(inner):
        return f"uncaught exception {crash.exception}" + (f": {message}" if message else "")
    if _SMASHED in message:
        return f"stack smashing detected: a local buffer was overrun{function}"
    if _HEAP.match(message) or _HEAP_WORDS.match(message):
        return f"{message}: the heap was damaged, perhaps earlier{_SANITIZE}"
    if assertion := _ASSERTION.fullmatch(message):
        return assertion["text"]
    return message


def _terminates(inner: Sequence[StackFrame]) -> bool:
    """
    Tell whether the C++ runtime has called `abort`, rather than the processor while it handled an exception.
    """
    return any(
        _TERMINATE.match(frame.function) or (frame.address and _CPP_RUNTIME.fullmatch(frame.address.module))
        for frame in inner
    )


def _within(inner: Sequence[StackFrame]) -> str:
    """
    Name the function of the C library that the processor had called, if the crash was in there.
    """
    called = inner[-1] if inner else None
    if called is None or called.address is None or not called.function:
        return ""
    return f" in {called.function}" if stack.is_runtime_module(called.address.module) else ""
