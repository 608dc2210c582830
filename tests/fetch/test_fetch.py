"""
Everything that a description names is found: local paths where they are, URLs in the cache. No credential is shown or
stored.
"""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.errors import EntryNotFound
from eas_host.fetch import FetchPolicy, fetch_all, urls
from support.fileserver import FileServer, running, status

QUICK = FetchPolicy(
    connect_timeout=10, read_timeout=10, close_timeout=0.2, max_attempts=3, first_pause=0.01, max_retry_after=1
)


def get(folder: Path, policy: FetchPolicy = QUICK, **sources: str) -> dict[str, Path]:
    return fetch_all(sources, folder, folder / "cache", policy=policy)


# Local paths.


def test_local_paths_are_used_where_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Relative paths begin at the description's folder; file:// URLs may have quoted letters."""
    (tmp_path / "a folder").mkdir()
    (tmp_path / "app.py").touch()
    sources = {
        "processor_path": "app.py",
        "model_path": str(tmp_path / "a folder"),
        "warm_up_data_path": f"file://{tmp_path}/a%20folder",
        "storage[0]": "./a folder/",
    }
    found = fetch_all(sources, tmp_path, tmp_path / "cache")
    folder = tmp_path / "a folder"
    assert found == {
        "processor_path": tmp_path / "app.py",
        "model_path": folder,
        "warm_up_data_path": folder,
        "storage[0]": folder,
    }
    assert capsys.readouterr().out.splitlines() == [
        f"[OK] Fetching processor from [{tmp_path}/app.py]",
        f"[OK] Fetching model from [{folder}]",
        f"[OK] Fetching warm-up data from [{folder}]",
        f"[OK] Fetching storage from [{folder}]",
    ]
    assert not (tmp_path / "cache").exists(), "a cache was made for nothing"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("prosessor.tar.gz", ["prosessor.tar.gz: No such file", "did you mean processor.tar.gz?"]),
        ("xyz", ["xyz: No such file", "there is processor.tar.gz"]),
        ("no/such", ["there is no folder"]),
        ("", ["is empty"]),
        ("a\0b", ["null"]),
        ("processor.tar.gz/x", ["Not a directory"]),
        ("file://host/x", ["a file on host"]),
        ("~/x", ["there is no folder"]),
    ],
)
def test_missing_local_path_is_reported_with_the_nearest_name(path: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "processor.tar.gz").touch()
    with pytest.raises(EntryNotFound) as caught:
        get(tmp_path, model_path=path)
    assert caught.value.message.startswith("model_path: ")
    for word in words:
        assert word in caught.value.message


def test_missing_local_path_is_reported_before_any_download(server: FileServer, tmp_path: Path) -> None:
    server.put("/a.py", b"a")
    with pytest.raises(EntryNotFound):
        get(tmp_path, processor_path=server.url("/a.py"), model_path="missing")
    assert server.requests == []


# URLs and the cache.


def test_downloaded_file_is_whole_named_and_private(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file has the URL's own name, and only the owner can read the cache."""
    server.put("/eas/echo.tar.gz", b"content" * 1000, headers={"Content-Disposition": 'attachment; filename="evil"'})
    path = get(tmp_path, processor_path=server.url("/eas/echo.tar.gz"))["processor_path"]
    assert path.read_bytes() == b"content" * 1000
    assert path.name == "echo.tar.gz"
    assert path.is_relative_to(tmp_path / "cache" / "downloads")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert capsys.readouterr().out == f"[OK] Fetching processor from [{server.url('/eas/echo.tar.gz')}]\n"


@pytest.mark.parametrize("facts", [{}, {"etag": None, "modified": 1e9}, {"etag": 'W/"weak"'}, {"conditional": False}])
def test_second_start_only_revalidates_the_copy(facts: dict[str, object], server: FileServer, tmp_path: Path) -> None:
    """The start asks by ETag or time; a server that knows no 304 but tells the same validator need not send it all."""
    server.put("/model.bin", b"1" * 100, **facts)
    first, second = (get(tmp_path, model_path=server.url("/model.bin"))["model_path"] for _ in range(2))
    assert first == second
    assert server.statuses() == [200, 304 if facts.get("conditional", True) else 200]


def test_new_version_replaces_the_unused_old_one(server: FileServer, tmp_path: Path) -> None:
    """A version that this process was given stays while it lives."""
    file = server.put("/model.bin", b"old")
    other = f"from eas_host.fetch import fetch_all; from pathlib import Path; p = Path({str(tmp_path)!r}); "
    other += f"fetch_all({{'k': {server.url('/model.bin')!r}}}, p, p / 'cache')"
    subprocess.run([sys.executable, "-c", other], check=True)
    contents = []
    for number in (b"new", b"newest"):
        file.body, file.etag = number, f'"{number.decode()}"'
        path = get(tmp_path, model_path=server.url("/model.bin"))["model_path"]
        contents.append(sorted(kept.read_bytes() for kept in tmp_path.rglob("model.bin")))
        assert path.read_bytes() == number
    assert contents == [[b"new"], [b"new", b"newest"]]


def test_download_without_a_validator_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    server.put("/model.bin", b"1", etag=None)
    for _ in range(2):
        get(tmp_path, model_path=server.url("/model.bin"))
    assert server.statuses() == [200, 200]


def test_url_named_twice_is_fetched_once(server: FileServer, tmp_path: Path) -> None:
    server.put("/a.tar", b"1")
    found = get(tmp_path, model_path=server.url("/a.tar"), processor_path=server.url("/a.tar"))
    assert found["model_path"] == found["processor_path"]
    assert server.statuses() == [200]


def test_damaged_copy_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    server.put("/model.bin", b"1234")
    get(tmp_path, model_path=server.url("/model.bin"))["model_path"].write_bytes(b"12")
    assert get(tmp_path, model_path=server.url("/model.bin"))["model_path"].read_bytes() == b"1234"


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"version": 1, "name": 2}', "\0"])
def test_damaged_record_is_treated_as_missing(damage: str, server: FileServer, tmp_path: Path) -> None:
    server.put("/model.bin", b"1234")
    get(tmp_path, model_path=server.url("/model.bin"))
    for record in tmp_path.rglob("entry.json"):
        record.write_text(damage, encoding="utf-8")
        record.with_name("part.json").write_text(damage, encoding="utf-8")
    assert get(tmp_path, model_path=server.url("/model.bin"))["model_path"].read_bytes() == b"1234"


def test_cached_copy_is_used_where_the_server_is_unreachable(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A warning says how old the copy is."""
    with running() as server:
        server.put("/model.bin", b"1234")
        url = server.url("/model.bin")
        path = get(tmp_path, model_path=url)["model_path"]
    for record in tmp_path.rglob("entry.json"):
        entry = json.loads(record.read_text(encoding="utf-8"))
        record.write_text(json.dumps({**entry, "fetched": entry["fetched"] - 3 * 86_400}), encoding="utf-8")
    assert get(tmp_path, model_path=url)["model_path"] == path
    assert "using the copy that was fetched 3 days ago" in caplog.messages[-1]
    with pytest.raises(EntryNotFound, match=r"^model_path: .*: Connection refused; given up after 3 attempts"):
        get(tmp_path, model_path=url + ".other")


def test_404_fails_though_there_is_a_cached_copy(server: FileServer, tmp_path: Path) -> None:
    """The copy is for a server that cannot be reached, not for one that took the file away."""
    file = server.put("/model.bin", b"1234")
    get(tmp_path, model_path=server.url("/model.bin"))
    file.plan = [status(404)]
    with pytest.raises(EntryNotFound, match="404 Not Found"):
        get(tmp_path, model_path=server.url("/model.bin"))


def test_cache_that_cannot_be_made_is_reported(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(EntryNotFound, match=r"^model_path: .*/cache.*: (File exists|Not a directory)$"):
        get(tmp_path, model_path=server.url("/a"))


# Credentials and names.

SECRET = "s3cr3t-value"  # noqa: S105 - nobody's


def test_credentials_are_sent_but_never_shown_or_stored(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The credentials stand before the host's name, or are signatures."""
    server.put("/a.py", b"1").plan = [status(500)]
    url = server.url(f"/a.py?Expires=1&Signature={SECRET}&x=1", user=f"me:{SECRET}@")
    get(tmp_path, processor_path=url)
    assert [seen.headers["Authorization"] for seen in server.requests] == ["Basic bWU6czNjcjN0LXZhbHVl"] * 2
    assert SECRET in server.requests[0].path
    with pytest.raises(EntryNotFound) as caught:
        get(tmp_path, processor_path=url.replace("a.py", "missing"))
    told = capsys.readouterr().out + caplog.text + caught.value.message
    assert "Signature=***" in told
    assert SECRET not in told
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert SECRET not in "".join(map(str, files))
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_url_with_a_new_signature_uses_the_same_copy(server: FileServer, tmp_path: Path) -> None:
    server.put("/a.py", b"1")
    for number in range(2):
        get(tmp_path, processor_path=server.url(f"/a.py?Expires={number}&OSSAccessKeyId=me&Signature={number}&v=1"))
    assert server.statuses() == [200, 304]
    get(tmp_path, processor_path=server.url("/a.py?v=2"))
    assert server.statuses() == [200, 304, 200]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/model.pmml?x=y/z#f", "model.pmml"),
        ("oss://bucket/folder/", "folder"),
        ("http://h/", "download"),
        ("http://h", "download"),
        ("http://h/a/..", "download"),
        ("http://h/%2e%2e", "download"),
        ("http://h/..%2fetc%2fpasswd", ".._etc_passwd"),
        ("http://h/a%00b%0ac%1b[0m", "a_b_c_[0m"),
        ("http://h/%E6%A8%A1%E5%9E%8B.tar.gz", "模型.tar.gz"),
        (f"http://h/{'n' * 300}.tar.gz", f"{'n' * 193}.tar.gz"),
        ("http://[broken/x", "download"),
    ],
)
def test_file_name_of_a_url_is_safe(url: str, name: str) -> None:
    assert urls.file_name(url) == name


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://", "has no host"),
        ("http://[broken/x", "is not a URL"),
        ("http://host:port/x", "is not a URL"),
        ("nosuch://x/y", "nosuch:// is no known kind of URL"),
        ("://x", "is no known kind of URL"),
    ],
)
def test_wrong_url_is_refused(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EntryNotFound) as caught:
        get(tmp_path, model_path=url)
    assert words in caught.value.message
    assert caught.value.message.startswith("model_path: ")
