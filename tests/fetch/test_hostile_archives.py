"""
A hostile or broken archive is refused as a whole; the message names it and the member, and nothing is written.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from eas_host.errors import EntryInvalid
from eas_host.fetch.unpacking.archive import unpack
from eas_host.fetch.unpacking.extraction_dir import UnpackLimits
from support import seeded_rng

FILE, HARD, LINK, FOLDER = tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE


class Member(NamedTuple):
    name: str
    type: bytes = FILE
    target: str = ""
    content: bytes = b""
    size: int | None = None


LIMITS = UnpackLimits()


def tar(*members: Member) -> bytes:
    """A tar of *members*, each with the size that it claims; only regular files have content."""
    buffer = io.BytesIO()
    for member in members:
        header = tarfile.TarInfo(member.name)
        header.type, header.linkname = member.type, member.target
        header.size = len(member.content) if member.size is None else member.size
        buffer.write(header.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        buffer.write(member.content + bytes(-len(member.content) % 512))
    return buffer.getvalue() + bytes(1024)


class Entry(NamedTuple):
    name: str
    content: bytes = b"x"
    mode: int = 0


def zipped(*entries: Entry) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo("placeholder")
            info.filename = entry.name
            info.create_system, info.external_attr = 3, entry.mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.content)
    return buffer.getvalue()


def surroundings(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that is in *folder*, with what would change if somebody wrote to it."""
    found = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(facts.st_mode) else b""
        found[str(path)] = (facts.st_mode, facts.st_mtime_ns, content)
    return found


def refused(folder: Path, name: str, content: bytes, *words: str, limits: UnpackLimits = LIMITS) -> None:
    """Demands that the archive is refused in one line with all *words*, and that nothing at all has changed."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "victim").write_text("untouched", encoding="utf-8")
    (folder / "work").mkdir()
    archive = folder / name
    archive.write_bytes(content)
    before = surroundings(folder)
    with pytest.raises(EntryInvalid) as caught:
        unpack(archive, folder / "work" / "target", limits)
    message = caught.value.message
    for word in (f"{archive}: not unpacked: ", *words):
        assert word in message
    assert message.isprintable(), repr(message)
    assert surroundings(folder) | {str(folder / "work"): None} == before | {str(folder / "work"): None}
    assert list((folder / "work").iterdir()) == []


DEEP = "/".join("d" * 300)
TARS: dict[str, tuple[list[Member], str]] = {
    "absolute": ([Member("/etc/evil")], "'/etc/evil' has a name that is absolute"),
    "dotdot": ([Member("ok"), Member("../evil")], "'../evil' has a name that leads out"),
    "dotdot-inside": ([Member("a/../../evil")], "'a/../../evil' has a name that leads out"),
    "dotdot-harmless": ([Member("a/../b")], "'a/../b' has a name that leads out"),
    "drive": ([Member("C:\\evil")], "is absolute"),
    "folder-itself": ([Member(".", LINK, "x")], "'.' has a name that means the folder itself"),
    "link-absolute": ([Member("l", LINK, "/etc")], "'l' is a link to '/etc', which is absolute"),
    "link-out": ([Member("l", LINK, "../outside")], "'l' is a link to '../outside', which leaves"),
    "link-out-deep": ([Member("a/b/l", LINK, "../../../outside")], "'a/b/l' is a link to"),
    "link-through": ([Member("l", LINK, "."), Member("l/x")], "'l/x' would be written through the link 'l'"),
    "link-through-out": (
        [Member("l", LINK, "../outside"), Member("l/victim", content=b"!")],
        "'l/victim' would be written through the link 'l'",
    ),
    "link-through-deep": (
        [Member("a/l", LINK, "."), Member("a/l/b/c/d", FOLDER)],
        "'a/l/b/c/d' would be written through the link 'a/l'",
    ),
    "chain": (
        [
            Member("a/b/c", FOLDER),
            Member("x", LINK, "a/b/c/.."),
            Member("y", LINK, "x/../../.."),
            Member("z", LINK, "y"),
        ],
        "'y' is a link to 'x/../../..', which leaves",
    ),
    "chain-that-looks-harmless": (
        # As text a/l/../../x stays inside. But a/l is the root, and from there .. leads out.
        [Member("a/l", LINK, ".."), Member("out", LINK, "a/l/../outside/victim")],
        "'out' is a link to 'a/l/../outside/victim', which leaves",
    ),
    "chain-of-a-later-member": (
        [Member("out", LINK, "a/l/../x"), Member("a/l", LINK, "..")],
        "'out' is a link to 'a/l/../x', which leaves",
    ),
    "circle": ([Member("a", LINK, "b"), Member("b", LINK, "a")], "is a link in a chain that is too long, or a circle"),
    "link-to-nothing": ([Member("a", LINK, "")], "'a' is a link whose target cannot be a path"),
    "link-over-file": ([Member("a"), Member("a", LINK, "b")], "'a' is there twice"),
    "file-over-link": (
        [Member("a", LINK, "b"), Member("a", content=b"!")],
        "'a' is there twice, as two different types of file",
    ),
    "file-over-folder": ([Member("a/b"), Member("a")], "'a' is there twice"),
    "folder-over-file": ([Member("a"), Member("a", FOLDER)], "'a' is there twice"),
    "file-in-file": ([Member("a"), Member("a/b")], "'a/b' is in a folder 'a', which is a file"),
    "hard-absolute": ([Member("h", HARD, "/etc/passwd")], "'h' is a hard link to a name that is absolute"),
    "hard-out": ([Member("h", HARD, "../outside/victim")], "'h' is a hard link to a name that leads out"),
    "hard-missing": ([Member("h", HARD, "a"), Member("a")], "'h' is a hard link to 'a', which is no earlier file"),
    "hard-folder": ([Member("a", FOLDER), Member("h", HARD, "a")], "which is no earlier file"),
    "hard-through": (
        [Member("l", LINK, "../outside"), Member("h", HARD, "l/victim")],
        "'h' is a hard link to 'l/victim', which is no earlier file",
    ),
    "hard-link-to-a-link": (
        [Member("a/b/l", LINK, "../.."), Member("h", HARD, "a/b/l")],
        "'h' is a link to '../..', which leaves",
    ),
    "character-device": ([Member("null", tarfile.CHRTYPE)], "'null' is a device"),
    "block-device": ([Member("sda", tarfile.BLKTYPE)], "'sda' is a device"),
    "fifo": ([Member("pipe", tarfile.FIFOTYPE)], "'pipe' is a FIFO"),
    "unknown-type": ([Member("odd", b"Z")], "'odd' is of the unknown type 'Z'"),
    "deep": ([Member(DEEP)], "has more than 250 nested folders"),
    "long-name": ([Member("ok"), Member("n" * 256)], "File name too long"),
    "terminal": ([Member("../\x1b[31mred\n")], r"'../\x1b[31mred\n' has a name that leads out"),
    "negative-size": ([Member("ok", size=-512)], "'ok' has an impossible size"),
    "cut-in-content": ([Member("big", content=b"1", size=10_000)], "'big' is cut short"),
    "huge-size": ([Member("big", content=b"1", size=1 << 62)], "'big' is cut short"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", TARS)
def test_hostile_tar_is_refused(name: str, packed: bool, tmp_path: Path) -> None:
    members, words = TARS[name]
    content = tar(*members)
    refused(tmp_path, "evil.tar.gz", gzip.compress(content, 1) if packed else content, words)


ZIPS: dict[str, tuple[list[Entry], str]] = {
    "absolute": ([Entry("/etc/evil")], "'/etc/evil' has a name that is absolute"),
    "dotdot": ([Entry("ok"), Entry("../evil")], "'../evil' has a name that leads out"),
    "backslash": ([Entry("..\\evil")], "has a name with a backslash"),
    "drive": ([Entry("C:/evil")], "'C:/evil' has a name that is absolute"),
    "nul": ([Entry("app.py\0.txt")], r"'app.py\x00.txt' has a name that contains a NUL"),
    "link-absolute": ([Entry("l", b"/etc", stat.S_IFLNK)], "'l' is a link to '/etc', which is absolute"),
    "link-out": ([Entry("l", b"../outside", stat.S_IFLNK)], "'l' is a link to '../outside', which leaves"),
    "link-through": ([Entry("l", b".", stat.S_IFLNK), Entry("l/x")], "'l/x' would be written through the link 'l'"),
    "long-link": ([Entry("l", b"x" * 5000, stat.S_IFLNK)], "'l' is a link to a name that is too long"),
    "fifo": ([Entry("pipe", b"", stat.S_IFIFO)], "'pipe' is a device, a FIFO or a socket"),
    "socket": ([Entry("s", b"", stat.S_IFSOCK)], "'s' is a device, a FIFO or a socket"),
    "device": ([Entry("null", b"", stat.S_IFCHR)], "'null' is a device, a FIFO or a socket"),
    "folder-with-content": ([Entry("a/", b"x")], "'a/' is a folder with content"),
    "file-over-folder": ([Entry("a/b"), Entry("a")], "'a' is there twice"),
}


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_zip_is_refused(name: str, tmp_path: Path) -> None:
    entries, words = ZIPS[name]
    refused(tmp_path, "evil.zip", zipped(*entries), words)


# Zips whose two directories disagree, or that are more than they seem.

LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
GOOD = zipped(Entry("first", b"1" * 1000), Entry("second", b"2" * 1000))


def patched(signature: bytes, offset: int, form: str, value: int, data: bytes = GOOD) -> bytes:
    """The good zip with one number changed in the first record that has *signature*."""
    at = data.index(signature) + offset
    packed = struct.pack(form, value)
    return data[:at] + packed + data[at + len(packed) :]


def overlapping() -> bytes:
    """Two entries of the directory that lead to the same bytes."""
    second = GOOD.index(CENTRAL, GOOD.index(CENTRAL) + 1)
    data = GOOD[: second + 42] + struct.pack("<L", 0) + GOOD[second + 46 :]
    return data.replace(b"second", b"first\0")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (patched(CENTRAL, 24, "<L", 999), "'first' is longer than the zip's directory says"),
        (patched(CENTRAL, 24, "<L", 1001), "'first' is shorter than the zip's directory says"),
        (patched(CENTRAL, 16, "<L", 0), "'first' is damaged: its checksum does not match"),
        (patched(CENTRAL, 8, "<H", 1), "'first' is encrypted"),
        (patched(CENTRAL, 10, "<H", 12), "'first' is compressed with method 12"),
        (patched(CENTRAL, 20, "<L", 5), "'first' is cut short"),
        (patched(CENTRAL, 20, "<L", 1 << 30), "'first' shares bytes with another member"),
        (patched(CENTRAL, 42, "<L", 1), "'first' is not where the zip's directory says"),
        (GOOD.replace(b"first", b"other", 1), "'first' is called 'other' in its own header"),
        (overlapping(), "shares bytes with another member"),
        (GOOD[:-1], "directory is missing at its end: the file is cut short"),
        (GOOD[:-30], "directory is missing at its end: the file is cut short"),
        (GOOD[:100], "directory is missing at its end: the file is cut short"),
        (patched(b"PK\x05\x06", 12, "<L", 1 << 30), "directory is larger than the file"),
        (patched(b"PK\x05\x06", 12, "<L", 10), "damaged"),
    ],
)
def test_damaged_zip_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    refused(tmp_path, "evil.zip", content, words)


# Files that end too early. Every cut is found, wherever it falls.


def packed_tar(pack: Callable[[bytes], bytes]) -> bytes:
    noise = seeded_rng("truncated").randbytes(13_000)
    return pack(tar(Member("a", content=noise), Member("b", FOLDER), Member("b/c", content=noise)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_truncated_tar_is_refused_wherever_it_is_cut(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """One tar lacks only its end mark, another is cut between two members."""
    whole = packed_tar(pack)
    end = len(whole) - (1024 if pack is bytes else 1)
    between = len(whole) - 1024 - 512 - 13_312  # in a plain tar: where the last member begins
    for cut in [*range(20, end, end // 16), end, *([between] if pack is bytes else [])]:
        folder = tmp_path / str(cut)
        folder.mkdir()
        refused(folder, "cut.tar.gz", whole[:cut], "cut short")


def test_wrong_checksum_at_the_end_refuses_the_whole_archive(tmp_path: Path) -> None:
    whole = bytearray(packed_tar(gzip.compress))
    whole[-6] ^= 1
    refused(tmp_path, "evil.tar.gz", bytes(whole), "damaged")


# Bombs.


def test_tar_bomb_is_stopped_at_the_ratio_limit(tmp_path: Path) -> None:
    """The bytes that came out count; the message names the member."""
    content = gzip.compress(tar(Member("ok"), Member("bomb", content=bytes(50 << 20))))
    limits = UnpackLimits(ratio_from=10 << 20)
    words = "'bomb' makes the archive unpack to more than 200 times its own size, 10,485,760 bytes"
    refused(tmp_path, "evil.tar.gz", content, words, limits=limits)


def test_zip_bomb_is_stopped_at_the_size_limit(tmp_path: Path) -> None:
    content = zipped(Entry("ok"), Entry("bomb", bytes(50 << 20)))
    words = "'bomb' makes the archive unpack to more than the limit, 10,485,760 bytes"
    refused(tmp_path, "evil.zip", content, words, limits=UnpackLimits(size=10 << 20))


def test_sparse_file_of_an_exabyte_is_refused(tmp_path: Path) -> None:
    holes = tarfile.TarInfo("holes")
    holes.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "holes",
        "GNU.sparse.size": str(1 << 60),
        "GNU.sparse.map": "0,1",
    }
    holes.size = 1
    content = holes.tobuf(tarfile.PAX_FORMAT) + b"1" + bytes(511) + bytes(1024)
    refused(tmp_path, "evil.tar", content, "'holes' makes the archive unpack to more than 200 times")


def test_name_of_half_a_gigabyte_in_a_header_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 500 << 20
    content = gzip.compress(header.tobuf() + bytes(2 << 20))
    refused(tmp_path, "evil.tar.gz", content, "is followed by headers of 524,")


def test_endless_tar_headers_are_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 512
    record = header.tobuf(tarfile.USTAR_FORMAT) + b"11 path=ab\n" + bytes(501)
    refused(tmp_path, "evil.tar.gz", gzip.compress(record * 100_000, 1), "headers")


def many(members: int) -> bytes:
    """A tar.gz of *members* empty files, quick to make: gzip allows many streams, one behind the other."""
    block = 1000
    stream = gzip.compress(b"".join(tarfile.TarInfo(f"f{n}").tobuf() for n in range(block)))
    return stream * (members // block) + gzip.compress(bytes(1024))


def test_too_many_members_of_a_tar_are_refused_at_the_limit(tmp_path: Path) -> None:
    """The rest is not read; the limit is a lower one here, to save a slow disk the work."""
    refused(
        tmp_path, "evil.tar.gz", many(1_000_000), "it has more than 20,000 members", limits=UnpackLimits(members=20_000)
    )


def test_too_many_members_of_a_zip_are_counted_before_reading(tmp_path: Path) -> None:
    whole = zipped(Entry("a", b""))
    entry = whole[whole.index(CENTRAL) : whole.index(b"PK\x05\x06")]
    count = 1_000_000
    content = whole[: whole.index(CENTRAL)] + entry * count
    content += b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, len(entry) * count, whole.index(CENTRAL), 0)
    refused(tmp_path, "evil.zip", content, "it has more than 200,000 members")


def test_target_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "target").symlink_to("elsewhere")
    (tmp_path / "a.tar").write_bytes(tar(Member("file", content=b"!")))
    with pytest.raises(EntryInvalid, match="is there already"):
        unpack(tmp_path / "a.tar", tmp_path / "target")
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b""
