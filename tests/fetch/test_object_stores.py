"""
Object stores are read through fsspec: its in-memory file system stands for all of them, and a small server speaks OSS.
"""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem

from eas_host.errors import EntryNotFound
from eas_host.fetch import FetchPolicy, fetch_all
from eas_host.fetch.download import object_store
from support.fileserver import File, Handler, running, serve

QUICK = FetchPolicy(connect_timeout=10, read_timeout=10, max_attempts=3, first_pause=0.01)
BODY = bytes(range(256)) * 50_000


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    store = MemoryFileSystem()
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


def get(url: str, folder: Path) -> Path:
    return fetch_all({"model_path": url}, folder, folder / "cache", policy=QUICK)["model_path"]


class Flaky(MemoryFileSystem):  # type: ignore[misc]
    """
    A store whose connections break: each of its files breaks off after some bytes as often as *breaks* says.
    """

    protocol = "flaky"
    cachable = False
    breaks: list[int]
    opened: list[tuple[str, int]]
    before: list[Any]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("flaky://")))

    def open(self, path: str, mode: str = "rb", **_: object) -> io.BytesIO:
        fs = type(self)
        for act in fs.before:
            act()
        fs.before = []
        end = fs.breaks.pop(0) if fs.breaks else None

        class Breaking(io.BytesIO):
            def seek(self, position: int, whence: int = 0) -> int:
                fs.opened.append((path, position))
                return super().seek(position, whence)

            def read(self, size: int | None = -1) -> bytes:
                if end is None:
                    return super().read(size)
                if self.tell() >= end:
                    raise ConnectionResetError("Connection reset by peer")
                return super().read(min(size or 0, end - self.tell()))

        return Breaking(self.cat_file(path))


@pytest.fixture
def flaky(memory: MemoryFileSystem) -> type[Flaky]:
    assert memory.store == {}, "the two share it"
    register_implementation("flaky", Flaky, clobber=True)
    Flaky.breaks, Flaky.opened, Flaky.before = [], [], []
    return Flaky


def test_file_is_copied_once_for_each_version(memory: MemoryFileSystem, tmp_path: Path) -> None:
    """An old version goes."""
    memory.pipe_file("/bucket/model.pmml", BODY)
    first, second = get("memory://bucket/model.pmml", tmp_path), get("memory://bucket/model.pmml", tmp_path)
    assert first == second
    assert (first.name, first.read_bytes()) == ("model.pmml", BODY)
    memory.pipe_file("/bucket/model.pmml", b"new")
    assert get("memory://bucket/model.pmml", tmp_path).read_bytes() == b"new"


@pytest.mark.parametrize("ending", ["", "/"])
def test_folder_is_copied_with_everything_in_it(ending: str, memory: MemoryFileSystem, tmp_path: Path) -> None:
    """Files at any depth and empty files are copied; a folder elsewhere whose name begins alike makes no difference."""
    memory.pipe({"/b/model/a": b"1", "/b/model/x/y/z": BODY, "/b/model/empty": b"", "/b/model2/no": b"2"})
    path = get(f"memory://b/model{ending}", tmp_path)
    found = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert (path.name, found) == ("model", {"a": b"1", "x/y/z": BODY, "empty": b""})
    assert get(f"memory://b/model{ending}", tmp_path) == path
    memory.pipe_file("/b/model/new", b"3")
    memory.rm_file("/b/model/a")
    assert sorted(file.name for file in get(f"memory://b/model{ending}", tmp_path).iterdir()) == ["empty", "new", "x"]


def test_key_that_leads_out_of_the_folder_is_refused(memory: MemoryFileSystem, tmp_path: Path) -> None:
    """A store's keys may hold anything."""
    memory.pipe_file("/b/model/ok", b"1")
    memory.store["/b/model/../../evil"] = memory.store["/b/model/ok"]
    with pytest.raises(EntryNotFound, match=r"'/b/model/\.\./\.\./evil', which cannot be a file's name"):
        get("memory://b/model", tmp_path)
    assert list(tmp_path.rglob("evil")) == []


def test_interrupted_copy_resumes_file_by_file(flaky: type[Flaky], tmp_path: Path) -> None:
    MemoryFileSystem().pipe({"/m/a": b"1" * 10, "/m/b": BODY, "/m/c": b"3"})
    flaky.breaks = [10, 1000, 5000]
    path = get("flaky://m", tmp_path)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == {"a": b"1" * 10, "b": BODY, "c": b"3"}
    assert flaky.opened == [("/m/a", 0), ("/m/b", 0), ("/m/b", 1000), ("/m/b", 5000), ("/m/c", 0)]


def test_change_during_a_copy_starts_over(flaky: type[Flaky], tmp_path: Path) -> None:
    """The change leaves the size as it is, between two files or between two attempts."""
    store = MemoryFileSystem()
    store.pipe({"/m/a": b"old", "/m/b": b"old"})
    flaky.before = [lambda: store.pipe({"/m/a": b"new", "/m/b": b"new"})]
    flaky.breaks = [1]
    assert {file.read_bytes() for file in get("flaky://m", tmp_path).iterdir()} == {b"new"}
    assert flaky.opened[:2] == [("/m/a", 0), ("/m/a", 0)]


def test_unreachable_store_is_given_up_after_3_attempts(
    flaky: type[Flaky], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The cached copy serves if there is one."""
    store = MemoryFileSystem()
    store.pipe_file("/m", BODY)
    flaky.breaks = [0] * 9
    with pytest.raises(EntryNotFound, match=r"flaky://m: Connection reset by peer; given up after 3 attempts"):
        get("flaky://m", tmp_path)
    flaky.breaks = []
    path = get("flaky://m", tmp_path)
    store.pipe_file("/m", b"new")
    flaky.breaks = [0] * 9
    assert get("flaky://m", tmp_path) == path
    assert "using the copy that was fetched less than a minute ago" in caplog.messages[-1]


@pytest.mark.parametrize("url", ["memory://b/missing", "memory://b/missing/"])
def test_missing_file_or_folder_is_reported(url: str, memory: MemoryFileSystem, tmp_path: Path) -> None:
    memory.pipe_file("/b/x", b"1")
    with pytest.raises(EntryNotFound, match=r"^model_path: memory://b/missing/?: there is no such file or folder$"):
        get(url, tmp_path)


@pytest.mark.parametrize(
    ("scheme", "module", "words"),
    [("oss", "ossfs", "pip install 'eas-host[oss]'"), ("s3", "s3fs", "Install s3fs to access S3")],
)
def test_missing_package_for_a_store_is_named(scheme: str, module: str, words: str, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\nfrom pathlib import Path; from eas_host.fetch import fetch_all"
    )
    program += f"\nfetch_all({{'model_path': '{scheme}://bucket/key'}}, Path(), Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    complaint = done.stderr.splitlines()[-1]
    assert f"{scheme}:// needs a package that is not installed: {words}" in complaint


# OSS.


def listing(handler: Handler, _: File) -> None:
    """What OSS says to a GET of a bucket: the keys that begin with a prefix, up to the next delimiter."""
    query = dict(pair.partition("=")[::2] for pair in handler.path.partition("?")[2].split("&"))
    prefix = query.get("prefix", "").replace("%2F", "/")
    keys, folders = [], set()
    for path, content in handler.server.files.items():
        key = path.removeprefix("/bucket/")
        if path != "/bucket/" and key.startswith(prefix):
            head, slash = key[len(prefix) :].partition("/")[:2]
            if slash and query.get("delimiter"):
                folders.add(f"{prefix}{head}/")
            else:
                keys.append((key, len(content.body)))
    facts = "<LastModified>2024-02-24T08:43:07.000Z</LastModified><ETag>1</ETag><Type>Normal</Type>"
    facts += "<StorageClass>Standard</StorageClass>"
    found = [f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size>{facts}</Contents>" for key, size in keys]
    found += [f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)]
    xml = f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(found)}</ListBucketResult>".encode()
    handler.head(200, len(xml), Content_Type="application/xml")
    handler.wfile.write(xml)


def ranged(handler: Handler, file: File) -> None:
    """OSS's ranges have an end."""
    asked = handler.headers["Range"]
    if not asked:
        serve(handler, file)
        return
    begin, _, end = asked.removeprefix("bytes=").partition("-")
    piece = file.body[int(begin) : int(end) + 1 if end else None]
    last = int(begin) + len(piece) - 1
    handler.head(206, len(piece), **handler.facts(file), Content_Range=f"bytes {begin}-{last}/{len(file.body)}")
    handler.wfile.write(piece)


@pytest.mark.skipif(importlib.util.find_spec("ossfs") is None, reason="ossfs is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of oss2's own
def test_oss_file_and_folder_are_fetched_with_alibabas_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as server:
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setenv("OSS_ENDPOINT", server.url("").rstrip("/"))
        monkeypatch.setenv("OSS_ACCESS_KEY_ID", "me")
        monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "secret")
        server.put("/bucket/", b"").plan = [listing] * 1000
        for name in ("model/a.pmml", "model/x/b"):
            server.put(f"/bucket/{name}", BODY).plan = [ranged] * 1000
        assert get("oss://bucket/model/a.pmml", tmp_path).read_bytes() == BODY
        folder = get("oss://bucket/model/", tmp_path)
        found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
        assert found == {"a.pmml", "x/b"}
        assert all(seen.headers["authorization"].startswith("OSS me:") for seen in server.requests)


def test_endpoint_in_an_oss_url_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSS_ENDPOINT", "https://elsewhere")
    url, options = object_store._oss_url_and_options("oss://bucket.oss-cn-shanghai.aliyuncs.com/a/b")
    assert (url, options["endpoint"]) == ("oss://bucket/a/b", "https://oss-cn-shanghai.aliyuncs.com")
    assert object_store._oss_url_and_options("oss://bucket/a.b/c") == (
        "oss://bucket/a.b/c",
        {"endpoint": "https://elsewhere"},
    )


@pytest.mark.skipif(importlib.util.find_spec("ossfs") is None, reason="ossfs is not installed")
def test_missing_oss_endpoint_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSS_ENDPOINT", raising=False)
    with pytest.raises(EntryNotFound, match="needs an endpoint: set OSS_ENDPOINT, such as https://oss-cn-shanghai"):
        get("oss://bucket/a", tmp_path)
