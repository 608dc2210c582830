"""
Which frames of a stack are worth showing: those of the processor.

The host's own frames are at both ends: the crash handler at the inner one, the thread that called the processor at the
outer one. So are those of the C and C++ runtimes, of the dynamic linker and of the Python interpreter: `abort`, what
threw an exception, what started a thread or called a module. Between functions of the processor they stay, since they
explain the call. If nothing else is left they stay, too; of an interpreter's own frames only the innermost few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from eas_host.ring.frames import HOST_FILES
from eas_host.symbols.frame import StackFrame

_RUNTIME: Final = re.compile(
    r"(.*/)?(ld-(linux|\d|musl)|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|c\+\+|c\+\+abi|unwind|[alt]san|ubsan|eas-memory-check)[-.]).*|\[.*\]"
)
_INTERPRETER: Final = re.compile(
    r"(.*/)?(lib)?(python\d[\d.]*|jvm)(\.so.*)?|.*/lib-dynload/.*|.*/(libffi[-.]|_cffi_backend\.).*"
)
_RUNTIME_SOURCE: Final = re.compile(r"/usr/(local/)?(include|lib/gcc)/|.*/include/c\+\+/")
_SYSTEM: Final = ("/usr/lib", "/usr/bin/", "/lib", "/bin/")
"""Files that users do not compile themselves."""
_FEW: Final = 4
_LONGEST_CYCLE: Final = 8
"""How many functions may call one another in a recursion that is recognised."""
_FEWEST_REPEATS: Final = 3
_NO_LINES: Final = "; compile with -g to see the line"


def is_runtime_module(path: str) -> bool:
    """
    Tell whether the file *path* belongs to the C or C++ runtime, or to an interpreter.
    """
    return _RUNTIME.fullmatch(path) is not None or _INTERPRETER.fullmatch(path) is not None


def of_processor(frames: Sequence[StackFrame]) -> list[StackFrame]:
    """
    Return the part of *frames*, innermost first, from the processor's innermost to its outermost one.
    """
    ours = list(map(_is_host, frames))
    inner = ours.index(False) if False in ours else len(ours)
    outer = ours.index(True, inner) if True in ours[inner:] else len(ours)
    frames = frames[inner:outer]
    users = [index for index, frame in enumerate(frames) if not _is_runtime(frame)]
    if users:
        return list(frames[users[0] : users[-1] + 1])
    interpreter = [index for index, frame in enumerate(frames) if _is_interpreter(frame)]
    return list(frames[interpreter[0] : interpreter[0] + _FEW] if interpreter else frames)


def has_processor(frames: Sequence[StackFrame]) -> bool:
    """
    Tell whether a function of the processor is among *frames*.
    """
    return any(not _is_runtime(frame) for frame in of_processor(frames) if not _is_host(frame))


def _is_interpreter(frame: StackFrame) -> bool:
    return frame.address is not None and _INTERPRETER.fullmatch(frame.address.module) is not None


def _is_host(frame: StackFrame) -> bool:
    return frame.address is not None and frame.address.module in HOST_FILES


def _is_runtime(frame: StackFrame) -> bool:
    if frame.address is None or is_runtime_module(frame.address.module):
        return True
    return _RUNTIME_SOURCE.match(frame.file) is not None


def texts(frames: Sequence[StackFrame]) -> list[str]:
    """
    Write *frames*. What repeats is written once, and that lines are missing for want of debug information is said once.
    """
    every = [str(frame) for frame in frames]
    written = []
    at = 0
    while at < len(every):
        size, times = _cycle(every, at)
        cycle = every[at : at + size]
        if times > 1:
            cycle[-1] += f" [{times} times]" if size == 1 else f" [these {size} functions {times} times]"
        written += cycle
        at += size * times
    return _with_hint(written, frames)


def is_endless(frames: Sequence[StackFrame]) -> bool:
    """
    Tell whether the innermost of *frames* repeat.
    """
    return _cycle([str(frame) for frame in frames], 0)[1] > 1


def _cycle(frames: Sequence[str], at: int) -> tuple[int, int]:
    """
    Return how many frames from *at* on repeat, and how often they are there.
    """
    for size in range(1, min(_LONGEST_CYCLE, len(frames) - at) + 1):
        cycle, times = frames[at : at + size], 1
        while frames[at + size * times : at + size * (times + 1)] == cycle:
            times += 1
        if times >= _FEWEST_REPEATS:
            return size, times
    return 1, 1


def _with_hint(written: list[str], frames: Iterable[StackFrame]) -> list[str]:
    missing = next(filter(_lacks_lines, frames), None)
    if missing is None:
        return written
    for index, text in enumerate(written):
        if text.startswith(str(missing)) and text.endswith(")"):
            written[index] = f"{text[:-1]}{_NO_LINES})"
            break
    return written


def _lacks_lines(frame: StackFrame) -> bool:
    if frame.file or frame.address is None or _is_runtime(frame):
        return False
    module = frame.address.module
    return not (module.startswith(_SYSTEM) or module.endswith(" (deleted)"))  # as the kernel calls a removed file
