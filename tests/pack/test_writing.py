"""
A package has the same bytes for the same contents, and is written as a whole or not at all.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import zlib
from pathlib import Path

import pytest

from eas_host.errors import ConfigError, EntryInvalid
from eas_host.pack.archive import parallel_gzip
from eas_host.pack.archive.folder_contents import read_folder
from eas_host.pack.archive.writer import write
from eas_host.pack.python_folder import pack_folder
from support import TIMEOUT, seeded_rng
from support.build import need
from support.host import clean_environment, program
from support.libraries import processor
from support.tars import content, headers, write_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_files(
        tmp_path / "demo", {"app.py": "print()", "ENV/bin/python": "#!", "data": seeded_rng(1).randbytes(3 << 20)}
    )
    (folder / "ENV/bin/python").chmod(0o755)
    (folder / "link").symlink_to("app.py")
    return folder


# The same bytes.


def test_copies_of_a_folder_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Place, times, owners, rights and the order of creation make no difference."""
    first = pack_folder(folder).path.read_bytes()
    assert pack_folder(folder).path.read_bytes() == first
    copy = tmp_path / "elsewhere" / "other name"
    copy.mkdir(parents=True)
    umask = os.umask(0o077)
    try:
        for entry in sorted(folder.iterdir(), reverse=True):
            if entry.is_dir():
                shutil.copytree(entry, copy / entry.name)
            else:
                shutil.copy(entry, copy / entry.name, follow_symlinks=False)
    finally:
        os.umask(umask)
    (copy / "app.py").chmod(0o600)
    (copy / "ENV/bin/python").chmod(0o711)
    os.utime(copy / "app.py", (1, 2.5))
    assert pack_folder(copy).path.read_bytes() == first


@pytest.mark.parametrize("cores", [1, 7])
def test_number_of_cores_does_not_change_the_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    first = pack_folder(folder).path.read_bytes()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    assert pack_folder(folder).path.read_bytes() == first


def test_headers_have_no_owner_time_or_name(folder: Path) -> None:
    """All members have one time and one of two kinds of rights; the gzip header has neither name nor time."""
    packed = pack_folder(folder).path
    assert packed.read_bytes()[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    seen = headers(packed)
    assert {(header.uid, header.gid, header.uname, header.gname, header.mtime) for header in seen} == {
        (0, 0, "", "", 315532800)
    }
    rights = {header.name: header.mode for header in seen if header.isfile()}
    assert rights == {"ENV/bin/python": 0o755, "app.py": 0o644, "data": 0o644}
    assert not any(header.pax_headers for header in seen)


def test_source_date_epoch_sets_the_time_of_members(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any reproducible build uses this variable."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert {header.mtime for header in headers(pack_folder(folder).path)} == {1700000000}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH: 'yesterday'"):
        pack_folder(folder)


@pytest.mark.parametrize(
    "size", [0, 1, parallel_gzip.BLOCK - 1, parallel_gzip.BLOCK, parallel_gzip.BLOCK + 1, 5 * parallel_gzip.BLOCK // 2]
)
def test_blocks_are_one_gzip_stream_of_gzips_size(tmp_path: Path, size: int) -> None:
    data = (b"a line that comes again, %d\n" % size * (size // 10 + 1))[:size]
    with (tmp_path / "x.gz").open("wb") as file:
        packer = parallel_gzip.GzipWriter(file)
        for start in range(0, size, 100_000):
            packer.write(data[start : start + 100_000])
        packer.close()
    packed = (tmp_path / "x.gz").read_bytes()
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert engine.decompress(packed) == data
    assert (engine.eof, engine.unused_data) == (True, b"")
    assert len(packed) <= len(gzip.compress(data, parallel_gzip.LEVEL)) * 1.01 + 20


def test_tar_lists_the_archive_without_complaint(folder: Path) -> None:
    command = [need("tar"), "--list", "--verbose", "--gzip", "--file", str(pack_folder(folder).path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    assert (len(done.stdout.splitlines()), done.stderr) == (6, "")


# Whole, or not at all.


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir() if path != folder)


@pytest.mark.parametrize("change", ["grows", "shrinks", "goes"])
def test_file_that_changes_while_packing_is_an_error(folder: Path, tmp_path: Path, change: str) -> None:
    """The message names the file, and the archive of before stays as it was."""
    target = tmp_path / "demo.tar.gz"
    target.write_bytes(b"before")
    members = read_folder(folder, target).members
    data = folder / "data"
    if change == "goes":
        data.unlink()
    else:
        os.truncate(data, data.stat().st_size + (1 if change == "grows" else -1))
    with pytest.raises(EntryInvalid, match=r"demo/data: (changed while it was packed|cannot be read)"):
        write(members, target)
    assert target.read_bytes() == b"before"
    assert leftovers(folder) == ["demo.tar.gz"]


def test_target_that_cannot_be_written_is_reported(folder: Path, tmp_path: Path) -> None:
    """One line says where and why."""
    for target, reason in (
        (tmp_path / "no folder" / "x.tar.gz", "there is no folder"),
        (folder / "app.py" / "x.tar.gz", "there is no folder"),
        (folder / "ENV", "a folder"),
        (tmp_path / ("x" * 300), "name too long"),
    ):
        with pytest.raises(ConfigError, match=reason):
            pack_folder(folder, target)
    assert leftovers(folder) == []


def pack(folder: Path, before: str = "") -> subprocess.Popen[str]:
    """The command, started by a shell that has run *before*."""
    words = [need("bash"), "-c", f'{before}\nexec "$@"', "bash", *program(), "pack", str(folder)]
    return subprocess.Popen(
        words,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_full_disk_leaves_no_archive(folder: Path) -> None:
    """One line says so. Here it is a limit on files that ends the writing."""
    processor(folder / "libone.so")
    with pack(folder, "ulimit -f 1024") as process:
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (2, "")
    assert errors == f"eas-host: {folder}.tar.gz: cannot be written: File too large\n"
    assert leftovers(folder) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_while_packing_leaves_no_archive(folder: Path, number: int, code: int) -> None:
    """The file is one that would take minutes, and no room."""
    processor(folder / "libone.so")
    os.truncate(folder / "data", 64 << 30)
    with pack(folder) as process:
        while process.poll() is None and not leftovers(folder):
            pass
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output, errors) == (code, "", "")
    assert leftovers(folder) == []


def test_ignored_sighup_stays_ignored_while_packing(folder: Path) -> None:
    processor(folder / "libone.so")
    with pack(folder, "trap '' HUP; echo ignored") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ignored\n"
        while process.poll() is None:
            process.send_signal(signal.SIGHUP)
        _, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (0, "")


def test_existing_archive_is_replaced(folder: Path) -> None:
    target = folder.with_name("demo.tar.gz")
    target.write_bytes(b"before")
    pack_folder(folder)
    assert content(target, "app.py") == b"print()"
    assert leftovers(folder) == ["demo.tar.gz"]


def test_progress_is_shown_on_a_terminal(folder: Path) -> None:
    """Standard output has the report alone."""
    processor(folder / "libone.so")
    ours, theirs = os.openpty()
    words = [*program(), "pack", str(folder)]
    environment = clean_environment() | {"TERM": "xterm"}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=theirs, timeout=TIMEOUT, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        assert b"packing demo.tar.gz" in terminal.read(1 << 16)
    assert b"\x1b" not in done.stdout
