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
def test_chain_of_libraries_without_sonames_is_found(start: StartHost, chain: Path, isolation: str) -> None:
    assert start(entry=chain, isolation=isolation).call(b"").body == b"two"


def test_libraries_in_lib_are_found(start: StartHost, chain: Path) -> None:
    """The folder lib/ is below the entry."""
    (chain.parent / "lib").mkdir()
    for name in ("libone.so", "libtwo.so"):
        shutil.move(chain.parent / name, chain.parent / "lib")
    assert start(entry=chain).call(b"").body == b"two"


def test_library_that_two_others_need_is_loaded_once(start: StartHost, tmp_path: Path) -> None:
    """All three libraries have SONAMEs."""
    third = library(tmp_path / "libthird.so.3")
    first, second = (library(tmp_path / f"lib{name}.so", third) for name in ("first", "second"))
    host = start(entry=processor(tmp_path / "libp.so", first, second))
    assert host.call(b"").body == b"4"
    maps = Path(f"/proc/{host.workers()[0]}/maps").read_text(encoding="utf-8")
    assert len({line.split()[4] for line in maps.splitlines() if line.endswith("libthird.so.3")}) == 1


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_missing_library_is_named(chain: Path, isolation: str) -> None:
    """The message does not name the one that needs it as missing."""
    (chain.parent / "libtwo.so").unlink()
    ended = run_host("--entry", chain, "--listen", "127.0.0.1:0", "--isolation", isolation)
    ended.fails_in_one_line(3, "libchain.so", "missing library libtwo.so", "beside")


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + bytes(60)])
def test_file_that_is_not_a_library_is_named(chain: Path, content: bytes) -> None:
    """The file has the name of a library: the words are the linker's own."""
    (chain.parent / "libtwo.so").write_bytes(content)
    run_host("--entry", chain, "--listen", "127.0.0.1:0").fails_in_one_line(3, "libchain.so", "libtwo.so")


def test_cpp_runtime_of_the_package_is_not_loaded(start: StartHost, chain: Path, builder: ProcessorBuilder) -> None:
    """There is one in the process already."""
    (chain.parent / "libstdc++.so.6").write_bytes(b"from another century")
    shutil.copy(builder.cpp("contract"), chain.parent)
    assert start(entry=chain.parent / "libcontract.so").call(b"x").body == b"x"
    assert start(entry=chain).call(b"").body == b"two"
