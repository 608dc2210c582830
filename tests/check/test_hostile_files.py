"""
A check reads whatever it is given, within limits: it never fails, and it always ends.
"""

from __future__ import annotations

import os
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas_host.archives import class_file
from eas_host.binaries import dynamic_symbols, elf
from eas_host.binaries.elf_image import DamagedElf, open_image
from eas_host.check import folder
from eas_host.check.processor import check_processor
from support.build import ProcessorBuilder
from support.checks import spec

SYSTEM = Path("/usr/lib")
SAMPLE = 100


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """*whole* with wrong bytes at random places, or cut off."""
    dice = random.Random(7)  # noqa: S311  the same in each run
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            at = dice.choice((dice.randrange(min(len(data), 1024)), dice.randrange(len(data))))
            data[at : at + 4] = dice.choice((b"\xff" * 4, b"\0" * 4, dice.randbytes(4)))
        yield bytes(data[: dice.choice((len(data), dice.randrange(len(data))))])


def test_damaged_library_gets_findings(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = tmp_path / "libone.so"
    for content in damaged(builder.cpp("plain_c").read_bytes(), 150):
        path.write_bytes(content)
        assert check_processor(spec(path)).findings


def test_version_table_in_a_circle_ends(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Nor do four billion versions take four billion steps."""
    data = bytearray(builder.cpp("contract").read_bytes())
    path = tmp_path / "libone.so"
    path.write_bytes(data)
    with open_image(path) as image:
        tags = next(segment for segment in image.segments if segment.type == 2)
    for at in range(tags.offset, tags.offset + tags.size, 16):
        if struct.unpack_from("<Q", data, at)[0] == 0x6FFFFFFF:  # DT_VERNEEDNUM
            struct.pack_into("<Q", data, at + 8, 2**32 - 1)
    path.write_bytes(data)
    with open_image(path) as image:
        try:
            dynamic_symbols.read(image)
        except DamagedElf:
            pass
    assert elf.is_elf(path)


def test_damaged_class_file_is_named_as_such(builder: ProcessorBuilder) -> None:
    whole = (builder.classes() / "Contract.class").read_bytes()
    assert class_file.read(whole).name == "Contract"
    refused = 0
    for content in damaged(whole, 1500):
        try:
            class_file.read(content)
        except class_file.DamagedClass:
            refused += 1
    assert refused > 100


def test_damaged_jar_gets_findings(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = tmp_path / "one.jar"
    for content in damaged(builder.jar("Contract").read_bytes(), 150):
        path.write_bytes(content)
        assert check_processor(spec(path)).findings


def test_class_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.jar", "w", zipfile.ZIP_DEFLATED) as jar, jar.open("One.class", "w") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    report = check_processor(spec(tmp_path / "one.jar"))
    assert any("too large for a class file" in finding.text for finding in report.findings)


def test_pipe_in_the_place_of_a_library_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "libone.so")
    assert check_processor(spec(tmp_path / "libone.so")).problems
    assert not elf.is_elf(tmp_path / "libone.so")


@pytest.mark.skipif(not SYSTEM.is_dir(), reason="this system has no /usr/lib")
def test_files_of_the_system_are_checked_without_a_failure() -> None:
    """Libraries and jars of all sizes; none of them is a processor by chance."""
    paths = [Path(place, name) for place, _, names in os.walk(SYSTEM) for name in sorted(names)]
    libraries = [path for path in paths if ".so" in path.name and path.is_file()]
    jars = [path for path in paths if path.suffix == ".jar" and path.is_file()]
    assert libraries
    for path in (*libraries[:: 1 + len(libraries) // SAMPLE], *jars[:: 1 + len(jars) // (SAMPLE // 5)]):
        kind = folder.type_of(str(path))
        if kind is not None:
            assert check_processor(spec(path, processor_type=kind)).findings, path
