"""
`eas-host upload`: fsspec's in-memory file system stands for all buckets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from eas_host.cli.publishing.upload import run
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound, HostError, UploadFailed
from eas_host.fetch import FetchPolicy, fetch_all
from eas_host.fetch.upload import upload


@pytest.fixture(autouse=True)
def memory() -> Iterator[MemoryFileSystem]:
    store = MemoryFileSystem()
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


def test_uploaded_file_is_what_a_description_fetches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With EASCMD's lines; the second has the URL."""
    body = bytes(range(256)) * 129
    (tmp_path / "echo.tar.gz").write_bytes(body)
    assert run([str(tmp_path / "echo.tar.gz"), "memory://bucket/processors/"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[OK] memory target path: [memory://bucket/processors/echo.tar.gz]",
        "Succeed: Total num: 1, size: 33,024. OK num: 1(upload 1 files).",
    ]
    wanted = {"processor_path": "memory://bucket/processors/echo.tar.gz"}
    fetched = fetch_all(wanted, tmp_path, tmp_path / "cache", policy=FetchPolicy())
    assert fetched["processor_path"].read_bytes() == body


def test_folder_keeps_its_structure(tmp_path: Path, memory: MemoryFileSystem) -> None:
    folder = tmp_path / "model"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "x.bin").write_bytes(b"x")
    (folder / "a" / "b" / "empty").touch()
    done = upload(folder, "memory://bucket/7")
    assert (done.url, done.files, done.size) == ("memory://bucket/7", 2, 1)
    assert memory.find("/bucket") == ["/bucket/7/a/b/empty", "/bucket/7/x.bin"]


def test_links_are_followed(tmp_path: Path, memory: MemoryFileSystem) -> None:
    """As in a cache of Hugging Face, where each file is one; the same folder may be there twice."""
    folder, blobs = tmp_path / "model", tmp_path / "blobs"
    (blobs / "deep").mkdir(parents=True)
    (blobs / "deep" / "w.bin").write_bytes(b"weights")
    folder.mkdir()
    (folder / "one").symlink_to(blobs)
    (folder / "two").symlink_to("one/deep")
    (folder / "w.bin").symlink_to("../blobs/deep/w.bin")
    done = upload(folder, "memory://bucket/7")
    assert (done.files, done.size) == (3, 21)
    assert memory.find("/bucket") == ["/bucket/7/one/deep/w.bin", "/bucket/7/two/w.bin", "/bucket/7/w.bin"]
    assert memory.cat("/bucket/7/two/w.bin") == b"weights"


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("dead", "missing.bin", "a/dead: a link to missing.bin, which is not there; remove it"),
        ("self", "self", "a/self: a link that leads in a circle; remove it"),
        ("up", "..", "a/up: a link to {folder}, which holds the link itself; remove it"),
        ("here", ".", "a/here: a link to {folder}/a, which holds the link itself; remove it"),
    ],
)
def test_link_that_has_no_end_is_refused_before_anything_is_sent(
    tmp_path: Path, memory: MemoryFileSystem, name: str, target: str, message: str
) -> None:
    folder = tmp_path / "model"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "0.bin").touch()
    (folder / "a" / name).symlink_to(target)
    with pytest.raises(EntryInvalid) as refused:
        upload(folder, "memory://bucket/7")
    assert refused.value.message == f"{folder}/{message.format(folder=folder)}"
    assert memory.find("/bucket") == []


@pytest.mark.parametrize(
    ("name", "url", "kind", "message"),
    [
        ("missing", "memory://b/", EntryNotFound, "missing: no such file or folder"),
        ("file", "b/", ConfigError, "URL: b/: is no bucket; expected one such as oss://bucket/models/"),
        ("file", "https://user:secret@example.com/", ConfigError, "URL: https://example.com/: is no bucket"),
        ("file", "file:///tmp/x", ConfigError, "is no bucket"),
        ("file", "strange://b/", ConfigError, "URL: strange://b/file: strange:// is no known kind of URL"),
        ("empty", "memory://b/", ConfigError, "empty: the folder is empty"),
        ("file", "memory://b/taken/", UploadFailed, "memory://b/taken/file: file cannot be uploaded: "),
    ],
)
def test_mistake_is_one_line(tmp_path: Path, name: str, url: str, kind: type[HostError], message: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    MemoryFileSystem().pipe("/b/taken", b"a file")
    with pytest.raises(kind) as refused:
        upload(tmp_path / name, url)
    assert message in refused.value.message
    assert (refused.value.detail, refused.value.message.count("\n")) == ("", 0)
