"""
Gives the frames in a worker's text their files and lines.

A worker that describes an exception of its processor, or where memory was freed, knows functions and offsets only:
`  at score(int) (/srv/x.so+0x12)`. Text without such frames stays as it is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from eas_host import log
from eas_host.symbols.frame import StackFrame
from eas_host.symbols.locator import Locator
from eas_host.symbols.stack import of_processor, texts

_LINE: Final = r"^  (?:freed )?at .* \((/.*\+0x[0-9a-f]+)\)$"
_FRAME: Final = re.compile(_LINE, re.MULTILINE)
_STACK: Final = re.compile(rf"(?:{_LINE}\n?)+(?<!\n)", re.MULTILINE)
"""The frames of one stack: lines one below the other."""


def locate_known(text: str, locator: Locator) -> str | None:
    """
    Return *text* with the frames that *locator* knows; None if it does not know all of them yet.
    """
    found = [locator.locate_known(places) for places in _stacks(text)]
    stacks = [frames for frames in found if frames is not None]
    return _with_frames(text, stacks) if len(stacks) == len(found) else None


async def locate(text: str, locator: Locator) -> str:
    """
    Return *text* with the frames that *locator* finds soon.
    """
    try:
        return _with_frames(text, await asyncio.gather(*map(locator.locate, _stacks(text))))
    except Exception:  # noqa: BLE001  a bug of ours costs the lines, not the text
        log.exception("internal error while locating frames")
        return text


def _stacks(text: str) -> list[list[str]]:
    """
    Return the places in each stack of *text*.
    """
    return [_FRAME.findall(stack[0]) for stack in _STACK.finditer(text)] if "+0x" in text else []


def _with_frames(text: str, stacks: Sequence[Sequence[StackFrame]]) -> str:
    """
    Put *stacks*, which have the frames of inlined functions, too, into *text* in place of its own.
    """
    if not stacks:
        return text
    located = iter(stacks)
    return _STACK.sub(lambda found: _described(found[0], next(located)), text)


def _described(stack: str, frames: Sequence[StackFrame]) -> str:
    """
    Write *frames* in place of *stack*, and begin as that does.
    """
    begin = stack.partition("at ")[0]
    return begin + "\n  ".join(f"at {line}" for line in texts(of_processor(frames)))
