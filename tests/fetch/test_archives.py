"""
An archive is recognised by its content, and its members are unpacked as they were: content, run bits, links, times.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from eas_host.errors import EntryInvalid
from eas_host.fetch.unpacking import archive_type
from eas_host.fetch.unpacking.archive import unpack
from eas_host.fetch.unpacking.extraction_dir import UnpackLimits

BIG = os.urandom(1_500_000)


def tar(*members: tuple[str, bytes, dict[str, object]], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of files with the given attributes of TarInfo."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content, attributes in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for attribute, value in attributes.items():
                setattr(member, attribute, value)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


TAR = tar(("app.py", b"print()", {}))
ZIP = zipped(app=b"print()")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tar", TAR, "tar"),
        ("a.tar.gz", gzip.compress(TAR), "tar.gz"),
        ("a.tgz", gzip.compress(TAR), "tar.gz"),
        ("a.tar.bz2", bz2.compress(TAR), "tar.bz2"),
        ("a.tar.xz", lzma.compress(TAR), "tar.xz"),
        ("a.zip", ZIP, "zip"),
        ("a.ZIP", ZIP, "zip"),
        ("empty.zip", zipped(), "zip"),
        ("empty.tar", tar(), "tar"),
        ("empty.tar.gz", gzip.compress(tar()), "tar.gz"),
        # Called something else.
        ("a.zip", gzip.compress(TAR), "tar.gz"),
        ("a.tar.gz", TAR, "tar"),
        ("a.tar.gz", ZIP, "zip"),
        ("a.gz", gzip.compress(TAR), "tar.gz"),
        # No ending, or none that tells anything.
        ("package", gzip.compress(TAR), "tar.gz"),
        ("package-1.2", ZIP, "zip"),
        ("package", TAR, "tar"),
        # Used as they are, although they are archives inside.
        ("a.jar", ZIP, None),
        ("a.whl", ZIP, None),
        ("a.npz", ZIP, None),
        ("a.pt", ZIP, None),
        ("a.pth.tar", ZIP, None),
        ("a.keras", ZIP, None),
        ("a.nemo", TAR, None),
        ("a.mp4", ZIP, None),
        # No archives.
        ("a.csv.gz", gzip.compress(b"1,2\n" * 1000), None),
        ("a.gz", gzip.compress(b"x"), None),
        ("a.tar.gz", gzip.compress(b"no tar" * 1000), None),
        ("a.tar.gz", b"<html>" * 1000, None),
        ("a.so", b"\x7fELF" + bytes(1000), None),
        ("a", bytes(4096), None),
        ("a", b"", None),
        ("a.py", b"print()", None),
        # Broken so early that only the name tells.
        ("a.tar.gz", gzip.compress(TAR)[:20], "tar.gz"),
        ("a.tar", TAR[:100], "tar"),
        ("a.tar.zst", b"\x28\xb5\x2f\xfd\x00\x00", "tar.zst"),
    ],
    # Not the contents, which tell the time: tests that run side by side must have the same names.
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
def test_archive_type_is_detected_by_content(name: str, content: bytes, expected: str | None, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert archive_type.detect(tmp_path / name) == expected


def test_folder_is_not_an_archive(tmp_path: Path) -> None:
    assert archive_type.detect(tmp_path) is None


# Round trips, with the programs that make such archives.


def package(folder: Path) -> Path:
    """A package as users have them."""
    root = folder / "package"
    (root / "ENV" / "bin").mkdir(parents=True)
    (root / "ENV" / "lib").mkdir()
    (root / "empty").mkdir()
    (root / "app.py").write_text("print()\n", encoding="utf-8")
    (root / "模型.bin").write_bytes(BIG)
    (root / "ENV" / "bin" / "python").write_text("#!/bin/sh\n", encoding="utf-8")
    (root / "ENV" / "bin" / "python").chmod(0o755)
    (root / "ENV" / "lib64").symlink_to("lib")
    (root / "ENV" / "lib" / "libx.so.1.2").touch()
    (root / "ENV" / "lib" / "libx.so.1").symlink_to("libx.so.1.2")
    (root / "ENV" / "lib" / "libx.so").symlink_to("libx.so.1")
    (root / "ENV" / "lib" / "up").symlink_to("../../app.py")
    (root / "ENV" / "lib" / "dangling").symlink_to("nothing/../here")
    for path in [root, *root.rglob("*")]:
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    return root


def listing(folder: Path) -> dict[str, object]:
    """What is in *folder*: links and their targets, files with mode, time and content, folders."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name, facts = str(path.relative_to(folder)), path.lstat()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_dir():
            found[name] = oct(stat.S_IMODE(facts.st_mode))
        else:
            found[name] = (oct(stat.S_IMODE(facts.st_mode)), int(facts.st_mtime), path.read_bytes())
    return found


def with_tar(*words: str) -> Callable[[Path, Path], None]:
    def make(root: Path, archive: Path) -> None:
        subprocess.run(["tar", *words, "-f", archive, "-C", root, "."], check=True)

    return make


def with_zip(root: Path, archive: Path) -> None:
    """As Info-ZIP's `zip -qry` does: run bits and links are in the external attributes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_symlink():
                link = zipfile.ZipInfo(name)
                link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
                made.writestr(link, str(path.readlink()))
            else:
                made.write(path, name)


MAKERS: dict[str, Callable[[Path, Path], None]] = {
    "tar": with_tar("-c"),
    "tar.gz": with_tar("-cz"),
    "tar.bz2": with_tar("-cj"),
    "tar.xz": with_tar("-cJ"),
    "tar-v7.tar": with_tar("-c", "--format=oldgnu"),
    "tar-pax.tar": with_tar("-c", "--format=pax"),
    "zip": with_zip,
}


@pytest.mark.parametrize("ending", MAKERS)
def test_unpacked_package_equals_the_packed_folder(ending: str, tmp_path: Path) -> None:
    root, archive = package(tmp_path), tmp_path / f"package.{ending}"
    MAKERS[ending](root, archive)
    unpack(archive, tmp_path / "new" / "target")
    assert listing(tmp_path / "new" / "target") == listing(root)
    assert names(tmp_path / "new") == ["target"]


def test_archive_is_unpacked_only_into_an_empty_folder(tmp_path: Path) -> None:
    """A folder with something in it is not touched."""
    archive, target = tmp_path / "a.tar", tmp_path / "target"
    archive.write_bytes(TAR)
    target.mkdir()
    unpack(archive, target)
    with pytest.raises(EntryInvalid, match="is there already"):
        unpack(archive, target)
    assert names(target) == ["app.py"]


def test_file_that_is_not_an_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(b"\x7fELF")
    with pytest.raises(EntryInvalid, match=r"a\.so: is no archive; expected \.tar"):
        unpack(tmp_path / "a.so", tmp_path / "target")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_run_bits_stay_and_suid_bits_are_dropped(umask: int, tmp_path: Path) -> None:
    """The umask counts, the owner can do everything, and nobody becomes somebody else."""
    members = [
        (name, b"", {"mode": mode, "type": type_})
        for name, mode, type_ in [
            ("run", 0o755, tarfile.REGTYPE),
            ("suid", 0o6755, tarfile.REGTYPE),
            ("none", 0o000, tarfile.REGTYPE),
            ("folder", 0o1500, tarfile.DIRTYPE),
        ]
    ]
    (tmp_path / "a.tar").write_bytes(tar(*members))
    old = os.umask(umask)
    try:
        unpack(tmp_path / "a.tar", tmp_path / "target")
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "target").iterdir()}
    assert modes == {"run": 0o755 & ~umask, "suid": 0o755 & ~umask, "none": 0o600, "folder": 0o700}


def test_hard_links_are_unpacked_as_hard_links(tmp_path: Path) -> None:
    """They lead to files and to links; a later file of the same name leaves the others alone."""
    hard: dict[str, object] = {"type": tarfile.LNKTYPE}
    members: list[tuple[str, bytes, dict[str, object]]] = [
        ("a", b"first", {}),
        ("b", b"", {**hard, "linkname": "./a"}),
        ("link", b"", {"type": tarfile.SYMTYPE, "linkname": "a"}),
        ("c", b"", {**hard, "linkname": "link"}),
        ("a", b"second", {}),
    ]
    (tmp_path / "a.tar").write_bytes(tar(*members))
    unpack(tmp_path / "a.tar", tmp_path / "target")
    target = tmp_path / "target"
    assert {name: (target / name).read_bytes() for name in "abc"} == {"a": b"second", "b": b"first", "c": b"second"}
    assert (target / "c").is_symlink()


@pytest.mark.parametrize("form", ["gnu", "pax", "oldgnu"])
def test_sparse_files_are_unpacked_whole(form: str, tmp_path: Path) -> None:
    source = tmp_path / "holes"
    with source.open("wb") as file:
        file.write(b"begin")
        file.seek(5 << 20)
        file.write(b"middle")
        file.truncate(8 << 20)
    archive = tmp_path / "a.tar"
    subprocess.run(["tar", "-cSf", archive, f"--format={form}", "-C", tmp_path, "holes"], check=True)
    assert archive.stat().st_size < 1 << 20, "tar made no holes"
    unpack(archive, tmp_path / "target")
    assert (tmp_path / "target" / "holes").read_bytes() == source.read_bytes()


def test_unusual_member_names_are_kept(tmp_path: Path) -> None:
    """The names are long, or have bytes that are not UTF-8, dots, or a backslash in a tar."""
    long = "/".join(["n" * 200] * 5)
    odd = [long, "caf\udce9", "...", "..a", "a\\b", "new\nline", "./x//y"]
    (tmp_path / "a.tar").write_bytes(tar(*((name, b"", {}) for name in odd), form=tarfile.GNU_FORMAT))
    unpack(tmp_path / "a.tar", tmp_path / "target")
    for name in odd:
        assert (tmp_path / "target" / name).is_file()


def test_zip_names_in_utf8_without_the_flag_are_read(tmp_path: Path) -> None:
    """Many programs write UTF-8 and do not say so."""
    data = zipped(模型=b"1")
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + flags
        data = data[:at] + b"\0\0" + data[at + 2 :]
    (tmp_path / "a.zip").write_bytes(data)
    unpack(tmp_path / "a.zip", tmp_path / "target")
    assert names(tmp_path / "target") == ["模型"]


def test_zip_with_a_comment_and_64_bit_sizes_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        with archive.open("app.py", "w", force_zip64=True) as file:
            file.write(b"1")
        archive.comment = b"c" * 60_000
    unpack(tmp_path / "a.zip", tmp_path / "target")
    assert (tmp_path / "target" / "app.py").read_bytes() == b"1"


def test_archive_in_several_compressed_streams_is_read(tmp_path: Path) -> None:
    """pigz and parallel bzip2 make such archives."""
    half = len(TAR) // 2
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(TAR[:half]) + gzip.compress(TAR[half:]) + bytes(512))
    unpack(tmp_path / "a.tar.gz", tmp_path / "target")
    assert names(tmp_path / "target") == ["app.py"]


def test_zstd_archive_names_the_python_that_it_needs(tmp_path: Path) -> None:
    """A Python that can read it finds this one broken."""
    (tmp_path / "a.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd\x00\x00")
    able = sys.version_info >= (3, 14)
    with pytest.raises(EntryInvalid, match="damaged" if able else r"zstd needs Python 3\.14; compress it with gzip"):
        unpack(tmp_path / "a.tar.zst", tmp_path / "target")


def test_unpacking_keeps_to_the_callers_limits(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar(("a", bytes(1000), {}), ("b", b"", {})))
    unpack(tmp_path / "a.tar", tmp_path / "enough", UnpackLimits(members=2, size=20_000))
    for limits in (UnpackLimits(members=1), UnpackLimits(size=2000), UnpackLimits(ratio=0, ratio_from=2000)):
        with pytest.raises(EntryInvalid, match="more than"):
            unpack(tmp_path / "a.tar", tmp_path / "target", limits)
