"""
`eas-host upload`: fsspec's in-memory file system stands for all buckets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from eas_host.cli.publishing.upload import run
from eas_host.errors import ConfigError, EntryNotFound, HostError, UploadFailed
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
