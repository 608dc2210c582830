"""
The facts that the host reads from ELF files are right; the files come from real compilers and linkers.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.binaries import elf
from eas_host.errors import EntryInvalid, EntryNotFound
from support.build import ProcessorBuilder, need, run
from support.libraries import library, processor, readelf


def test_machine_needs_and_exports_are_those_that_binutils_see(builder: ProcessorBuilder) -> None:
    path = builder.cpp("contract")
    facts = elf.read(path)
    assert (facts.machine, facts.bits, facts.kind) == (platform.machine(), 64, "shared library")
    assert list(facts.needed) == readelf(path, "NEEDED")
    assert (facts.exports[:2], facts.mangled, facts.interp) == (("initialize", "process"), (), None)
    assert any(re.fullmatch(r"GLIBCXX_[\d.]+", version) for version in facts.versions["libstdc++.so.6"])


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_exports_are_found_through_each_kind_of_hash_table(tmp_path: Path, style: str) -> None:
    path = processor(tmp_path / "libone.so", flags=(f"-Wl,--hash-style={style}",))
    assert elf.read(path).exports == ("initialize", "process")


def test_exports_of_a_stripped_library_are_found(tmp_path: Path) -> None:
    path = processor(tmp_path / "libone.so")
    run(need("strip"), "--strip-all", path)
    assert elf.read(path).exports == ("initialize", "process")


def test_function_that_is_only_called_is_not_an_export(tmp_path: Path) -> None:
    """A library that only calls `process` of another one does not have it."""
    source = tmp_path / "caller.c"
    source.write_text("int process(void);\nint caller(void) { return process(); }\n", encoding="utf-8")
    run(need("gcc"), "-shared", "-fPIC", source, "-o", tmp_path / "libcaller.so")
    assert elf.read(tmp_path / "libcaller.so").exports == ()


def test_function_without_extern_c_is_listed_as_mangled(builder: ProcessorBuilder) -> None:
    """A function that is missing is not listed."""
    assert elf.read(builder.cpp("mangled")).mangled == ("process",)
    assert elf.read(builder.cpp("no_process")).mangled == ()


def test_rpath_and_runpath_are_read_separately(tmp_path: Path) -> None:
    """The two hold for different libraries; an empty part is the working directory."""
    old = library(tmp_path / "libold.so", flags=("-Wl,--disable-new-dtags", "-Wl,-rpath=.:$ORIGIN/x"))
    new = library(tmp_path / "libnew.so", flags=("-Wl,--enable-new-dtags", "-Wl,-rpath=/opt:"))
    assert (elf.read(old).rpath, elf.read(old).runpath) == ((".", "$ORIGIN/x"), ())
    assert (elf.read(new).rpath, elf.read(new).runpath) == ((), ("/opt", "."))
    assert elf.read(new).soname == "libnew.so"


def test_position_independent_executable_is_a_program(tmp_path: Path) -> None:
    """The header of such a program says shared object."""
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    for flag in ("-pie", "-no-pie"):
        run(need("gcc"), flag, "-fPIE" if flag == "-pie" else "-fno-pie", source, "-o", tmp_path / flag)
        facts = elf.read(tmp_path / flag)
        assert facts.kind == "program"
        assert facts.interp is not None
    run(need("gcc"), "-c", source, "-o", tmp_path / "main.o")
    assert elf.read(tmp_path / "main.o").kind == "object file"


def test_newest_versions_compares_numbers() -> None:
    """2.4 is older than 2.34; what is no number does not count."""
    assert elf.newest_versions(["GLIBC_2.4", "GLIBC_2.34", "GLIBC_PRIVATE", "GLIBCXX_3.4.9", "GLIBCXX_3.4.30"]) == (
        "GLIBC_2.34",
        "GLIBCXX_3.4.30",
    )


# Files that are none.


def test_missing_file_is_entry_not_found(tmp_path: Path) -> None:
    with pytest.raises(EntryNotFound, match="No such file"):
        elf.read(tmp_path / "nothing.so")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n", b"GROUP ( libfoo.so.1 )\n" * 10])
def test_file_that_is_not_elf_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.so").write_bytes(content)
    for read in (elf.read, elf.check):
        with pytest.raises(EntryInvalid, match="not an ELF file"):
            read(tmp_path / "text.so")


def test_damaged_file_is_refused_in_words_and_never_crashes(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The file is cut off at several places, and has a wrong byte at many places of its first part."""
    whole = builder.cpp("plain_c").read_bytes()
    path = tmp_path / "libcut.so"
    damaged = [whole[:size] for size in range(20, len(whole), len(whole) // 20)]
    damaged += [whole[:at] + b"\xff" + whole[at + 1 :] for at in range(16, 800, 7)]
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            elf.read(path)
        except EntryInvalid:
            refused += 1
    assert refused > 20


def test_check_refuses_another_machine_and_another_kind_of_file(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = tmp_path / "libother.so"
    shutil.copy(builder.cpp("plain_c"), path)
    elf.check(path)
    content = bytearray(path.read_bytes())
    machine = content[18:20]
    content[18] = 8  # e_machine: MIPS
    path.write_bytes(content)
    with pytest.raises(EntryInvalid, match="another machine"):
        elf.check(path)
    content[16:20] = b"\2\0" + machine  # e_type: ET_EXEC
    path.write_bytes(content)
    with pytest.raises(EntryInvalid, match="not a shared library"):
        elf.check(path)


def test_check_does_not_import_pyelftools() -> None:
    """The check runs at every start."""
    code = (
        "import sys, pathlib; from eas_host.binaries import elf;"
        " elf.is_elf(pathlib.Path('/')); print('elftools' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
