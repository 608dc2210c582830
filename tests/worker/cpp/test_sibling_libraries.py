"""
Libraries beside a processor are found, though nothing in it says where to look.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.build import ProcessorBuilder, need, run
from support.command import run as run_host
from support.host import StartHost
from support.libraries import library, processor

ISOLATIONS = ("process", "none")


def by_hand(folder: Path, name: str, text: str, *needs: str) -> Path:
    """A library as people make them: no -soname, no -rpath, its needs by -l."""
    source = folder / f"{name}.c"
    source.write_text(text, encoding="utf-8")
    target = folder / f"lib{name}.so"
    words = ["-w", "-shared", "-fPIC", f"-L{folder}", *(f"-l{other}" for other in needs)]
    run(need("gcc"), source, "-o", target, *words, "-Wl,--allow-shlib-undefined")
    source.unlink()
    return target


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A processor that needs libone.so, which needs libtwo.so, neither of them with a SONAME."""
    folder = tmp_path / "chain"
    folder.mkdir()
    by_hand(folder, "two", 'const char* two(void) { return "two"; }')
    by_hand(folder, "one", "const char* two(void); const char* one(void) { return two(); }", "two")
    text = """
        #include <stdlib.h>
        #include <string.h>
        const char* one(void);
        void* initialize(const char* entry, const char* config, int* state) { *state = 0; return 0; }
        int process(void* model, const void* input, int size, void** output, int* output_size) {
          *output = strdup(one());
          *output_size = 3;
          return 200;
        }
    """
    return by_hand(folder, "chain", text, "one")


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_chain_without_sonames(start: StartHost, chain: Path, isolation: str) -> None:
    assert start(entry=chain, isolation=isolation).call(b"").body == b"two"


def test_in_lib(start: StartHost, chain: Path) -> None:
    """They may lie in lib/ below the entry."""
    (chain.parent / "lib").mkdir()
    for name in ("libone.so", "libtwo.so"):
        shutil.move(chain.parent / name, chain.parent / "lib")
    assert start(entry=chain).call(b"").body == b"two"


def test_with_sonames(start: StartHost, tmp_path: Path) -> None:
    """Libraries with SONAMEs, two of which need the same third one: it is loaded once."""
    third = library(tmp_path / "libthird.so.3")
    first, second = (library(tmp_path / f"lib{name}.so", third) for name in ("first", "second"))
    host = start(entry=processor(tmp_path / "libp.so", first, second))
    assert host.call(b"").body == b"4"
    maps = Path(f"/proc/{host.workers()[0]}/maps").read_text(encoding="utf-8")
    assert len({line.split()[4] for line in maps.splitlines() if line.endswith("libthird.so.3")}) == 1


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_one_that_is_nowhere(chain: Path, isolation: str) -> None:
    """The one that is missing is named, not the one that needs it."""
    (chain.parent / "libtwo.so").unlink()
    ended = run_host("--entry", chain, "--listen", "127.0.0.1:0", "--isolation", isolation)
    ended.fails_in_one_line(3, "libchain.so", "missing library libtwo.so", "beside")


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + bytes(60)])
def test_one_that_is_none(chain: Path, content: bytes) -> None:
    """A file of that name which is no library: the linker's own words."""
    (chain.parent / "libtwo.so").write_bytes(content)
    run_host("--entry", chain, "--listen", "127.0.0.1:0").fails_in_one_line(3, "libchain.so", "libtwo.so")


def test_pythons_own_libraries_stay(start: StartHost, chain: Path, builder: ProcessorBuilder) -> None:
    """A package's own C++ runtime is not loaded in place of the one that is there."""
    (chain.parent / "libstdc++.so.6").write_bytes(b"from another century")
    shutil.copy(builder.cpp("contract"), chain.parent)
    assert start(entry=chain.parent / "libcontract.so").call(b"x").body == b"x"
    assert start(entry=chain).call(b"").body == b"two"
