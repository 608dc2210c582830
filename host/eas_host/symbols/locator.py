"""
From addresses to frames, with what has been found before.

A processor fails at the same places again and again, so answers are kept as long as the file stays the same. A file
that has cost the symbolizer its life or its time twice is not given to it any more. Without an answer there is still
the function's name, from the file's own symbols; these are enough, too, for the C and C++ runtimes, whose debug
information is large and says nothing about the processor.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from eas_host.ring.frames import HOST_FILES, function_at
from eas_host.symbols.frame import CodeAddress, StackFrame
from eas_host.symbols.stack import is_runtime_module
from eas_host.symbols.symbolizer import CodeLocation, Symbolizer
from eas_runtime.worker_spec import original_of

T = TypeVar("T")

_REMEMBERED: Final = 4096
"""Addresses; a processor fails at fewer places."""
_MOST_FAILURES: Final = 2
_PATIENCE: Final = 0.5
"""For how many seconds a client whose request has failed waits for the lines."""

_Version = tuple[int, int, int, int]
"""What tells a file from another one that replaces it: device, inode, size and time."""


class Locator:
    """
    Finds the frames of addresses.

    Attributes:
        symbolizer: what it asks.
        copies: the copies of users' files and folders in workspaces, with the originals, which frames name
            (`WorkerSpec.copies`).
    """

    def __init__(self) -> None:
        self.symbolizer = Symbolizer()
        self.copies: dict[str, str] = {}
        self._known: OrderedDict[tuple[CodeAddress, _Version | None], list[CodeLocation]] = OrderedDict()
        self._failures: Counter[_Version | None] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def locate(self, places: Sequence[str]) -> list[StackFrame]:
        """
        Return the frames of *places*, which are `path+0xoffset`, with those of inlined functions: with files and lines
        as far as they are known soon.
        """
        addresses = [CodeAddress.parse(place) for place in places]
        versions = {address.module: _version(address.module) for address in addresses if address is not None}
        # It goes on if it takes too long here: the next one will want to know, too.
        asked = self._start(self._ask(addresses, versions))
        await asyncio.wait([asked], timeout=_PATIENCE)
        return self._frames(places, addresses, versions)

    def locate_known(self, places: Sequence[str]) -> list[StackFrame] | None:
        """
        Return the frames of *places* if all of them are known already.
        """
        addresses = [CodeAddress.parse(place) for place in places]
        versions = {address.module: _version(address.module) for address in addresses if address is not None}
        if any(self._unknown(addresses, versions)):
            return None
        return self._frames(places, addresses, versions)

    def run(self, task: Coroutine[Any, Any, T], then: Callable[[T], None]) -> None:
        """
        Run *task*, which locates something, and call *then* with its result.
        """
        self._start(task).add_done_callback(lambda done: then(done.result()))

    def _start(self, task: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        started = asyncio.ensure_future(task)
        self._tasks.add(started)  # the loop itself does not keep it
        started.add_done_callback(self._tasks.discard)
        return started

    def _unknown(
        self, addresses: Iterable[CodeAddress | None], versions: dict[str, _Version | None]
    ) -> Iterable[CodeAddress]:
        for address in addresses:
            if address is None or is_runtime_module(address.module) or address.module in HOST_FILES:
                continue
            version = versions[address.module]
            if version is not None and (address, version) not in self._known:
                yield address

    async def _ask(self, addresses: Sequence[CodeAddress | None], versions: dict[str, _Version | None]) -> None:
        wanted: dict[str, list[int]] = {}
        for address in dict.fromkeys(self._unknown(addresses, versions)):
            wanted.setdefault(address.module, []).append(address.offset)
        for module, offsets in wanted.items():
            version = versions[module]
            found = None
            if self._failures[version] < _MOST_FAILURES:
                found = await self.symbolizer.ask(module, offsets)
                self._failures[version] += found is None
            for offset, locations in zip(offsets, found or [[] for _ in offsets], strict=True):
                address = CodeAddress(module, offset)
                self._remember(address, version, locations or [CodeLocation(function_at(str(address)), "", 0)])

    def _remember(self, address: CodeAddress, version: _Version | None, locations: list[CodeLocation]) -> None:
        self._known[address, version] = locations
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _frames(
        self, places: Sequence[str], addresses: Sequence[CodeAddress | None], versions: dict[str, _Version | None]
    ) -> list[StackFrame]:
        frames: list[StackFrame] = []
        for place, address in zip(places, addresses, strict=True):
            if address is None:
                frames.append(StackFrame(None, place))
                continue
            found = self._known.get((address, versions[address.module]))
            if found is None:
                found = [CodeLocation("" if address.module in HOST_FILES else function_at(place), "", 0)]
                if is_runtime_module(address.module):
                    self._remember(address, versions[address.module], found)
            shown = CodeAddress(original_of(address.module, self.copies.items()), address.offset)
            frames += [StackFrame(shown, *location) for location in found]
        return frames


def _version(path: str) -> _Version | None:
    try:
        info = Path(path).stat()
    except OSError:  # it was removed, or is no file at all, such as [vdso]
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns


_locators: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Locator]] = WeakKeyDictionary()


def locator_of(loop: asyncio.AbstractEventLoop) -> Locator:
    """
    Return the locator that all workers on *loop* share, the same one each time.
    """
    if (locator := _locators.get(loop)) is None:
        locator = _locators[loop] = Locator()
    return locator
