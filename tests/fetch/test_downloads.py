"""
A download ends with the whole file, of one version, or with one line that says why not.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from eas_host.errors import EntryNotFound
from eas_host.fetch import FetchPolicy, fetch_all
from eas_host.fetch.download import http_request
from eas_host.fetch.download_errors import DownloadError
from support.fileserver import (
    Act,
    File,
    FileServer,
    Handler,
    announcing,
    chunked,
    cut,
    lying,
    raw,
    redirect,
    running,
    serve,
    status,
    without_length,
)

QUICK = FetchPolicy(
    connect_timeout=10, read_timeout=10, close_timeout=0.2, max_attempts=3, first_pause=0.01, max_retry_after=1
)
BODY = bytes(range(256)) * 4000
LATER = b"later" * 200_000


def get(url: str, folder: Path, policy: FetchPolicy = QUICK) -> Path:
    return fetch_all({"model_path": url}, folder, folder / "cache", policy=policy)["model_path"]


def fails(url: str, folder: Path, *words: str, policy: FetchPolicy = QUICK) -> None:
    """Demands one line with all *words*, and that no file is left that could be taken for the whole one."""
    with pytest.raises(EntryNotFound) as caught:
        get(url, folder, policy)
    for word in ("model_path: http", *words):
        assert word in caught.value.message
    assert "\n" not in caught.value.message
    assert list(folder.rglob("entry.json")) == []


def ranges(server: FileServer) -> list[str | None]:
    return [seen.headers.get("Range") for seen in server.requests]


# Resuming.


@pytest.mark.parametrize("facts", [{}, {"etag": None, "modified": 1e9}])
def test_interrupted_download_resumes_where_it_stopped(
    facts: dict[str, object], server: FileServer, tmp_path: Path
) -> None:
    """The download is tried again as long as each attempt brings something."""
    server.put("/f", BODY, **facts).plan = [cut(1000)] * 7
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert ranges(server) == [None, *(f"bytes={n}000-" for n in range(1, 8))]
    assert server.statuses() == [200] + [206] * 7


@pytest.mark.parametrize(
    "facts",
    [{"ranges": False}, {"etag": 'W/"weak"'}, {"etag": None}, {"etag": None, "modified": 4e9}],
    ids=["no-ranges", "weak", "none", "just-now"],
)
def test_download_without_ranges_or_strong_validator_starts_over(
    facts: dict[str, object], server: FileServer, tmp_path: Path
) -> None:
    server.put("/f", BODY, **facts).plan = [cut(1000), cut(500)]
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert server.statuses() == [200, 200, 200]


def changing(then: Act) -> Act:
    """The file changes, and then the request is answered."""

    def act(handler: Handler, file: File) -> None:
        file.body, file.etag = LATER, '"2"'
        then(handler, file)

    return act


def test_file_that_changes_during_a_download_starts_over(server: FileServer, tmp_path: Path) -> None:
    server.put("/f", BODY).plan = [cut(1000), changing(cut(2000))]
    assert get(server.url("/f"), tmp_path).read_bytes() == LATER
    assert server.statuses() == [200, 200, 206]


def blind(handler: Handler, file: File) -> None:
    """Honours a range whatever the condition: a broken server."""
    del handler.headers["If-Range"]
    serve(handler, file)


def shifted(handler: Handler, file: File) -> None:
    """Answers with another range than the one that was asked for."""
    handler.head(206, 100, **handler.facts(file), Content_Range=f"bytes 500-599/{len(BODY)}")
    handler.wfile.write(BODY[500:600])


@pytest.mark.parametrize("second", [changing(blind), shifted, status(416)])
def test_wrong_range_answer_starts_over_and_mixes_no_versions(second: Act, server: FileServer, tmp_path: Path) -> None:
    file = server.put("/f", BODY)
    file.plan = [cut(1000), second]
    assert get(server.url("/f"), tmp_path).read_bytes() == file.body
    assert ranges(server)[-1] is None


def test_later_start_resumes_a_partial_download(server: FileServer, tmp_path: Path) -> None:
    """The bytes that an earlier start left are not asked for again."""
    server.put("/f", BODY).plan = [cut(1000), status(404)]
    fails(server.url("/f"), tmp_path, "404")
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=1000-", "bytes=1000-"]


def test_complete_partial_download_is_confirmed_by_its_last_byte(server: FileServer, tmp_path: Path) -> None:
    """A host that was killed before it could say so has it all."""
    file = server.put("/f", BODY)
    file.plan = [cut(1000), status(404)]
    fails(server.url("/f"), tmp_path, "404")
    (part,) = tmp_path.rglob("part")
    part.write_bytes(BODY)
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert ranges(server)[-1] == f"bytes={len(BODY) - 1}-"


# Lengths and digests.


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lying(+5), "the connection broke 5 bytes before the end"),
        (lying(-5), "more bytes came than the 1,023,995 that were announced"),
        (announcing("-1"), "its Content-Length is '-1'"),
        (announcing("many"), "its Content-Length is 'many'"),
        (chunked(1000, cut=True), "the connection broke"),
        (raw(b""), "closed connection"),
        (raw(b"what?\r\n"), "the answer is not HTTP"),
    ],
)
def test_wrong_length_is_retried_and_given_up_after_3_attempts(
    act: Act, words: str, server: FileServer, tmp_path: Path
) -> None:
    file = server.put("/f", BODY, ranges=False)
    file.plan = [act] * 3
    fails(server.url("/f"), tmp_path, words, "given up after 3 attempts")
    file.plan = [act]
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("act", [chunked(1000), without_length])
def test_download_of_unknown_length_is_complete(act: Act, server: FileServer, tmp_path: Path) -> None:
    server.put("/f", BODY).plan = [act]
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY


def test_empty_file_is_downloaded(server: FileServer, tmp_path: Path) -> None:
    server.put("/f", b"")
    assert get(server.url("/f"), tmp_path).read_bytes() == b""


def test_content_md5_of_a_download_is_verified(server: FileServer, tmp_path: Path) -> None:
    """One of the downloads comes in pieces."""
    digest = base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()
    file = server.put("/f", BODY, headers={"Content-MD5": digest})
    file.plan = [cut(1000)]
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    file.body, file.etag, file.plan = BODY[::-1], '"2"', [cut(1000)]
    with pytest.raises(EntryNotFound, match="Content-MD5"):
        get(server.url("/f"), tmp_path)


def test_content_encoding_that_was_not_asked_for_is_refused(server: FileServer, tmp_path: Path) -> None:
    """A compressed app.py is no app.py; a .tar.gz that is called gzip is what it is."""
    for name in ("/app.py", "/a.tar.gz"):
        server.put(name, b"1", headers={"Content-Encoding": "gzip"})
    fails(server.url("/app.py"), tmp_path, "is sent as gzip")
    assert get(server.url("/a.tar.gz"), tmp_path).read_bytes() == b"1"


# Statuses and redirects.


@pytest.mark.parametrize("code", [401, 403, 404, 410, 300, 204])
def test_final_status_fails_without_a_retry(code: int, server: FileServer, tmp_path: Path) -> None:
    server.put("/f", BODY).plan = [status(code)] * 2
    fails(server.url("/f"), tmp_path, f": {code} ")
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503])
def test_temporary_status_is_retried_and_logged(
    code: int, server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After the last attempt the status is in the error."""
    file = server.put("/f", BODY)
    file.plan = [status(code)] * 3
    fails(server.url("/f"), tmp_path, f": {code} ", "given up after 3 attempts")
    assert "trying again in 0.0 s" in caplog.messages[0]
    file.plan = [status(code, Retry_After="0"), status(code, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")]
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY


def test_retry_after_beyond_the_bound_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.put("/f", BODY).plan = [status(429, Retry_After="3600")]
    fails(server.url("/f"), tmp_path, "429 Too Many Requests; the server asks to wait 3600 s")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_is_followed_and_the_file_keeps_the_urls_name(code: int, server: FileServer, tmp_path: Path) -> None:
    """The name of the URL that was given."""
    server.put("/a/f.py", b"").plan = [redirect("../b/g", code)]
    server.put("/b/g", BODY)
    path = get(server.url("/a/f.py"), tmp_path)
    assert (path.name, path.read_bytes()) == ("f.py", BODY)


def test_redirected_download_is_resumed(server: FileServer, tmp_path: Path) -> None:
    server.put("/f", b"").plan = [redirect("/g")] * 2
    server.put("/g", BODY).plan = [cut(1000)]
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert server.statuses() == [302, 200, 302, 206]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/f", "more than 10 redirects"),
        ("file:///etc/passwd", "file://, which is not followed"),
        ("http://host:port/", "is not a URL"),
    ],
)
def test_endless_or_forbidden_redirect_is_refused(target: str, words: str, server: FileServer, tmp_path: Path) -> None:
    server.put("/f", b"").plan = [redirect(target)] * 20
    fails(server.url("/f"), tmp_path, words)


def test_credentials_are_not_sent_to_another_host(server: FileServer, tmp_path: Path) -> None:
    with running() as other:
        other.put("/f", BODY)
        server.put("/f", b"").plan = [redirect("/g")]
        server.put("/g", b"").plan = [redirect(other.url("/f"))]
        assert get(server.url("/f", user="me:secret@"), tmp_path).read_bytes() == BODY
        assert ["Authorization" in seen.headers for seen in server.requests + other.requests] == [True, True, False]


def test_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(DownloadError, match="redirected from https to http://b;"):
        http_request.check_redirect(urlsplit("https://a/"), urlsplit("http://b/"))
    http_request.check_redirect(urlsplit("http://a/"), urlsplit("https://b/"))
