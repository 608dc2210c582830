"""
The symbolizer, with libraries as compilers and their users make them, and with files that are none.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from eas_host.symbols.frame import StackFrame
from eas_host.symbols.locator import Locator
from eas_host.symbols.symbolizer import PROGRAM
from support import TIMEOUT, proc
from support.build import need, run

T = TypeVar("T")

SOURCE = """\
#include <vector>
namespace scorer {
static inline int weight(const int* model) { return *(volatile int*)model; }
__attribute__((noinline)) int score(const int* model) {
  return weight(model) + 1;
}
}
extern "C" int process(const int* model) { return scorer::score(model) + 1; }
"""


@pytest.fixture(autouse=True)
def there_is_a_symbolizer() -> None:
    assert PROGRAM.exists(), "libdw-dev is not installed (scripts/bootstrap.sh)"


class Library:
    """A library made of `SOURCE`, and the place of the load in `weight`."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.path = folder / "libscorer.so"
        source = folder / "scorer.cc"
        source.write_text(SOURCE)
        run(need("g++"), "-shared", "-fPIC", "-O2", *flags, source, "-o", self.path, cwd=folder)
        self.offset = _offset_of("_ZN6scorer5scoreEPKi", self.path)

    @property
    def place(self) -> str:
        return f"{self.path}+{self.offset:#x}"


def _offset_of(symbol: str, library: Path) -> int:
    listed = subprocess.run([need("nm"), "-D", library], capture_output=True, text=True, check=True).stdout
    return int(re.findall(rf"^(\w+) T {symbol}$", listed, re.MULTILINE)[0], 16)


def locate(*places: str) -> list[StackFrame]:
    return with_locator(lambda locator: locator.locate(places))


def with_locator(use: Callable[[Locator], Awaitable[T]]) -> T:
    async def main() -> T:
        locator = Locator()
        try:
            return await use(locator)
        finally:
            locator.symbolizer.close()
            await locator.symbolizer.wait_closed()

    return asyncio.run(main())


def lines(frames: list[StackFrame]) -> list[tuple[str, str, int]]:
    return [(re.sub(r"\(.*|scorer::", "", frame.function), Path(frame.file).name, frame.line) for frame in frames]


EXPECTED = [("weight", "scorer.cc", 3), ("score", "scorer.cc", 5)]


@pytest.mark.parametrize(
    "flags",
    [("-g",), ("-g", "-gdwarf-4"), ("-g", "-gz"), ("-g", "-gsplit-dwarf"), ("-g", "-flto")],
    ids=["dwarf-5", "dwarf-4", "compressed", "dwo", "lto"],
)
def test_inlined_functions_have_their_lines(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """The inner one first, then that into which the compiler has put it."""
    assert lines(locate(Library(tmp_path, *flags).place)) == EXPECTED


def test_library_without_the_index_of_addresses_has_lines(tmp_path: Path) -> None:
    """As clang makes them."""
    library = Library(tmp_path, "-g")
    run(need("objcopy"), "--remove-section", ".debug_aranges", library.path)
    assert lines(locate(library.place)) == EXPECTED


def test_debug_information_is_found_in_a_file_of_its_own(tmp_path: Path) -> None:
    library = Library(tmp_path, "-g")
    debug = tmp_path / "libscorer.debug"
    run(need("objcopy"), "--only-keep-debug", library.path, debug)
    run(need("strip"), library.path)
    assert lines(locate(library.place)) == [("score", "", 0)]
    run("objcopy", f"--add-gnu-debuglink={debug.name}", library.path, cwd=tmp_path)
    assert lines(locate(library.place)) == EXPECTED


def test_without_debug_information_there_is_the_function(tmp_path: Path) -> None:
    [frame] = locate(Library(tmp_path, "-g0").place)
    assert str(frame) == f"scorer::score(int const*) ({frame.address})"


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "folder", "pipe", "missing"])
def test_file_that_is_no_library_costs_only_the_lines(tmp_path: Path, damage: str) -> None:
    """The next question has its answer."""
    library = Library(tmp_path, "-g")
    bad = tmp_path / "bad.so"
    if damage == "garbage":
        bad.write_bytes(os.urandom(5000))
    elif damage == "truncated":
        bad.write_bytes(library.path.read_bytes()[:6000])
    elif damage == "empty":
        bad.touch()
    elif damage == "folder":
        bad.mkdir()
    elif damage == "pipe":
        os.mkfifo(bad)
    frames = locate(f"{bad}+{library.offset:#x}", library.place)
    assert not frames[0].file
    assert lines(frames[1:]) == EXPECTED


def test_debug_information_with_flipped_bytes_costs_only_lines(tmp_path: Path) -> None:
    """Whatever the symbolizer makes of it, or dies of, it goes on with the next file."""
    good = Library(tmp_path, "-g")
    content = good.path.read_bytes()

    async def use(locator: Locator) -> list[StackFrame]:
        for seed in range(40):
            bad = bytearray(content)
            for step in range(200):
                at = 0x1000 + (seed * 7919 + step * 104729) % (len(content) - 0x1000)
                bad[at] ^= 1 + (seed + step) % 255
            path = tmp_path / f"bad{seed}.so"
            path.write_bytes(bad)
            await locator.locate([f"{path}+{good.offset:#x}"])
        return await locator.locate([good.place])

    assert lines(with_locator(use)) == EXPECTED


def test_symbolizer_that_was_killed_is_started_again(tmp_path: Path) -> None:
    library = Library(tmp_path, "-g")

    async def use(locator: Locator) -> list[list[StackFrame]]:
        first = await locator.locate([library.place])
        pid = locator.symbolizer.pid
        assert pid is not None
        watch = proc.Watch(pid)
        os.kill(pid, signal.SIGKILL)
        assert watch.wait()
        later = [await locator.locate([f"{library.path}+{library.offset + step:#x}"]) for step in (1, 4)]
        return [first, *later, await locator.locate([library.place])]

    first, _, later, known = with_locator(use)
    assert lines(first) == lines(known) == EXPECTED
    assert later[-1].file


def test_symbolizer_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """Who waits gets the function's name in time, and later questions have their answers."""
    library = Library(tmp_path, "-g")
    other = tmp_path / "libother.so"
    shutil.copy(library.path, other)

    async def use(locator: Locator) -> tuple[list[StackFrame], list[StackFrame]]:
        await locator.locate([library.place])
        pid = locator.symbolizer.pid
        assert pid is not None
        watch = proc.Watch(pid)
        os.kill(pid, signal.SIGSTOP)
        begun = asyncio.get_running_loop().time()
        unanswered = await locator.locate([f"{other}+{library.offset:#x}"])
        assert asyncio.get_running_loop().time() - begun < TIMEOUT / 2
        assert await asyncio.to_thread(watch.wait)
        return unanswered, await locator.locate([f"{library.path}+{library.offset + 4:#x}"])

    unanswered, answered = with_locator(use)
    assert [str(frame) for frame in unanswered] == [f"scorer::score(int const*) ({other}+{library.offset:#x})"]
    assert answered[-1].file


def test_library_that_was_built_again_is_read_again(tmp_path: Path) -> None:
    library = Library(tmp_path, "-g")

    async def use(locator: Locator) -> list[StackFrame]:
        await locator.locate([library.place])
        (tmp_path / "scorer.cc").write_text("\n\n" + SOURCE)
        run("g++", "-shared", "-fPIC", "-O2", "-g", tmp_path / "scorer.cc", "-o", library.path)
        assert locator.locate_known([library.place]) is None
        return await locator.locate([library.place])

    assert [frame.line for frame in with_locator(use)] == [5, 7]


def test_without_the_program_there_are_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without libdw."""
    monkeypatch.setattr("eas_host.symbols.symbolizer.PROGRAM", tmp_path / "nothing")
    [frame] = locate(Library(tmp_path, "-g").place)
    assert (frame.function, frame.file) == ("scorer::score(int const*)", "")


def test_symbolizer_ends_with_its_input() -> None:
    """So it ends with the front, however that ends."""
    symbolizer = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert symbolizer.communicate(f"1 {PROGRAM}\n".encode(), timeout=TIMEOUT)[0]
    assert symbolizer.returncode == 0
