"""
A host that is to serve a library which its dynamic linker would refuse, or crash with, says why and what to do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import load


def damaged(builder: ProcessorBuilder, folder: Path, old: bytes, new: bytes) -> Path:
    path = folder / "libone.so"
    path.write_bytes(builder.cpp("contract").read_bytes().replace(b"\0" + old + b"\0", b"\0" + new + b"\0"))
    return path


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        (b"GLIBCXX_3.4.21", b"GLIBCXX_3.4.99", "link it with -static-libstdc++"),
        (b"GLIBC_2.2.5", b"GLIBC_2.9.5", "build it on this system, or on one that is not newer"),
    ],
    ids=["glibcxx", "glibc"],
)
def test_version_that_is_too_new(
    builder: ProcessorBuilder, tmp_path: Path, old: bytes, new: bytes, advice: str
) -> None:
    path = damaged(builder, tmp_path, old, new)
    load(path).fails_in_one_line(3, f"{path}: it needs {new.decode()}, which /", " does not have; ", advice)


def test_truncated_library(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = tmp_path / "libone.so"
    path.write_bytes(builder.cpp("contract").read_bytes()[:12_000])
    load(path).fails_in_one_line(3, f"{path}: cut off: it has 12,000 bytes, and its headers speak of ", "copy it again")


def test_variables_in_the_place_of_functions(builder: ProcessorBuilder) -> None:
    path = builder.cpp("broken/variables")
    load(path).fails_in_one_line(3, f"{path}: initialize is a variable; define a function of that name")


@pytest.mark.parametrize(
    ("option", "name", "runtime"),
    [("address", "AddressSanitizer", "libasan"), ("thread", "ThreadSanitizer", "libtsan")],
)
def test_sanitizer_in_the_hosts_own_process(builder: ProcessorBuilder, option: str, name: str, runtime: str) -> None:
    """Its runtime must be there before anything else, and the host's own process runs already."""
    path = builder.cpp("plain_c", f"-fsanitize={option}")
    load(path, "none").fails_in_one_line(
        3, f"{path}: built with {name}, ", f"$(gcc -print-file-name={runtime}.so", "or build it"
    )


def test_sanitizer_without_its_runtime(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = tmp_path / "libone.so"
    library = builder.cpp("plain_c", "-fsanitize=address").read_bytes()
    path.write_bytes(library.replace(b"libasan.so.", b"libasan.so_"))
    load(path).fails_in_one_line(3, f"{path}: built with AddressSanitizer, ", "$(gcc -print-file-name=libasan.so_")


def test_sanitizer_that_is_linked_statically(builder: ProcessorBuilder) -> None:
    path = builder.cpp("plain_c", "-fsanitize=address", "-static-libasan")
    load(path).fails_in_one_line(3, f"{path}: built with AddressSanitizer, ", "gcc: no -static-lib*san")
