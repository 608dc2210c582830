"""
Reads what a sanitizer has reported: what it found in one line, the processor's frames, and what else helps: who has
allocated and freed the memory, the other thread of a data race, which variable it was.

A report has a hundred lines, most of them about the sanitizer's own memory. Its frames are addresses
(`binaries.sanitizer_runtime`): their functions and lines are found as those of a crash are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eas_host.ring import Crash
from eas_host.ring.front import SANITIZER
from eas_host.symbols import stack
from eas_host.symbols.frame import StackFrame
from eas_host.symbols.locator import Locator

UNDEFINED: Final = ": runtime error: "
"""In the line that a report of UndefinedBehaviorSanitizer begins with."""
LEAKS: Final = re.compile(r"==\d+==ERROR: (?P<name>LeakSanitizer): ")
"""The beginning of one of leaks, which are found at the end of the process, but are not its cause."""
HEAD: Final = re.compile(
    r"==\d+==(?:ERROR|WARNING): (?P<name>\w+Sanitizer): (?P<what>.*)"
    r"|WARNING: (?P<thread>ThreadSanitizer): (?P<race>.*?)(?: \(pid=\d+\))?"
    rf"|(?P<place>\S.*:\d+(?::\d+)?){UNDEFINED}(?P<undefined>.*)"
)
"""The line that a report begins with."""
_FRAME: Final = re.compile(r" +#\d+ (?:0x[0-9a-f]+ )?(?:\((?P<place>/.+\+0x[0-9a-f]+)\)|(?P<text>.+))")
_ADDRESS: Final = re.compile(r"(?: on(?: unknown)?(?: address)?|:)? \(?0x[0-9a-f]{6,16}\b.*")
_ACCESS: Final = re.compile(r"(READ|WRITE) of size \d+")
_FAULT: Final = re.compile(r"SEGV on unknown address (?P<address>0x[0-9a-f]+)")
_FAULT_ACCESS: Final = re.compile(r"==\d+==The signal is caused by a (READ|WRITE) memory access\.")
_LEAKED: Final = re.compile(r"SUMMARY: \w+: (\d+ byte\(s\) leaked in \d+ allocation\(s\))\.")
_LEAK: Final = re.compile(r"(?:Direct|Indirect) leak of ")
_BLOCK: Final = re.compile(r"0x[0-9a-f]+ is located (?P<where>.+?)(?: \[0x[0-9a-f]+,0x[0-9a-f]+\)| \(0x[0-9a-f]+\).*)?")
_GLOBAL: Final = re.compile(r" *Location is (?P<what>.+?) at 0x.*")
_LOCAL: Final = re.compile(r" *(?P<what>\[\d+, \d+\).*) <==.*")
_WITH_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")
_FIRST_ADDRESS: Final = 65536
"""As in `symbols.crash`: below it nothing is mapped."""
_MOST_STACKS: Final = 8
"""In the log; a search for leaks may find hundreds."""


class SanitizerReport(NamedTuple):
    """
    A report.

    Attributes:
        headline: what was found, in which function.
        frames: where, the processor's innermost frame first.
        context: further lines, some of which are frames of other stacks.
        text: the whole report, with functions and lines.
    """

    headline: str
    frames: tuple[str, ...]
    context: tuple[str, ...]
    text: str

    @property
    def trace(self) -> str:
        """
        The frames, each on a line of its own, and below them the further lines.
        """
        return "\n".join([*(f"  at {frame}" for frame in self.frames), *self.context])

    def complete(self, crash: Crash | None, status: int) -> Crash:
        """
        Add this report, after which the process has ended with *status*, to *crash*, what the crash handler has
        recorded.
        """
        if crash is None:
            crash = Crash(0, status, -1, 0, 0, (), call=SANITIZER)
        return crash._replace(
            headline=self.headline,
            frames=crash.frames or self.frames,
            context=self.context,
            sanitizer_report=self.text,
        )


_Part = str | list[StackFrame]
"""A line of a report, or a stack in it."""


async def read_report(text: str, locator: Locator) -> SanitizerReport:
    """
    Read the report *text*, and find the functions and lines of its frames with *locator*.
    """
    lines = text.splitlines()
    frames = [_FRAME.fullmatch(line) for line in lines]
    places = list(dict.fromkeys(match["place"] for match in frames if match is not None and match["place"]))
    located: dict[str, list[StackFrame]] = {place: [] for place in places}
    for frame in await locator.locate(places):  # of inlined functions there are several at one place
        located[str(frame.address)].append(frame)
    parts: list[_Part] = []
    last = ""
    for line, match in zip(lines, frames, strict=True):
        place = "" if match is None else match["place"] or ""
        if match is None:
            parts.append(line)
        elif place != last or not place:  # otherwise a further function that is inlined there
            found = located[place] if place else [StackFrame(None, match["text"])]
            if last and isinstance(parts[-1], list):
                parts[-1] += found
            else:
                parts.append([*found])
        last = place or ("text" if match is not None else "")
    whole = [part if isinstance(part, str) else "\n".join(f"    {frame}" for frame in part) for part in parts]
    return _summarize(parts, "\n".join(whole))


def _summarize(parts: Sequence[_Part], text: str) -> SanitizerReport:
    lines = [part for part in parts if isinstance(part, str)]
    first: list[StackFrame] | None = None
    stacks: list[list[str]] = []
    for line, following in zip(parts, [*parts[1:], ""], strict=True):
        if not isinstance(line, str):
            continue
        if isinstance(following, str):
            stacks += [[found] for found in _explains(line)]
            continue
        frames = stack.of_processor(following) if stack.has_processor(following) else []
        while len(frames) > 1 and not frames[-1].function:  # the stack was not followed to its end
            frames.pop()
        if first is None and not _LEAK.match(line):
            first = frames
        elif frames:
            stacks.append([_WITH_ADDRESS.sub("", line.strip()), *(f"  at {text}" for text in stack.texts(frames))])
    if len(stacks) > _MOST_STACKS:
        stacks[_MOST_STACKS:] = [[f"... and {len(stacks) - _MOST_STACKS} more"]]
    function = f" in {first[0].function}" if first and first[0].function else ""
    context = tuple(line for lines in stacks for line in lines)
    return SanitizerReport(_headline(lines) + function, tuple(stack.texts(first or [])), context, text)


def _headline(lines: Sequence[str]) -> str:
    """
    Say in one line what the report with these *lines* is about.
    """

    def find(pattern: re.Pattern[str]) -> str:
        return next((match[1] for match in map(pattern.match, lines) if match is not None), "")

    match = next(filter(None, map(HEAD.fullmatch, lines)), None)
    if match is None:
        return "a sanitizer has reported an error"
    if match["undefined"] is not None:
        return f"UndefinedBehaviorSanitizer: {match['undefined']}"
    if match["thread"]:
        variable = find(_GLOBAL)
        return f"ThreadSanitizer: {match['race']}" + (f" on {variable}" if variable else "")
    name, what = match["name"], match["what"]
    if leaked := find(_LEAKED):
        return f"{name}: {leaked}"
    if fault := _FAULT.match(what):
        address = int(fault["address"], 16)
        null = ", a NULL pointer," if address < _FIRST_ADDRESS else ""
        return f"{name}: SEGV, {find(_FAULT_ACCESS) or 'access'} of address {address:#x}{null}"
    size = next((match[0] for match in map(_ACCESS.match, lines) if match is not None), "")
    return f"{name}: {_ADDRESS.sub('', what)}" + (f", {size}" if size else "")


def _explains(line: str) -> Iterator[str]:
    """
    Yield what *line*, which is above no stack, says of the memory or the variable.
    """
    if block := _BLOCK.fullmatch(line):
        yield f"the address is {block['where']}"
    elif local := _LOCAL.fullmatch(line):
        yield f"the variable is {local['what']}"
