"""
`--static DIR`: the files of a folder at /api/builtin/static/, and nothing but them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import run
from support.host import Host

AT = "/api/builtin/static/"
LARGE = 4 * 2**20 + 1


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pages, beside a file that must not be served."""
    folder = tmp_path_factory.mktemp("around")
    (folder / "secret.txt").write_text("secret")
    pages = folder / "pages"
    (pages / "deep" / "er").mkdir(parents=True)
    (pages / "index.html").write_text("<p>first</p>")
    (pages / "deep" / "index.html").write_text("<p>deep</p>")
    (pages / "deep" / "er" / "a b.js").write_text("run()")
    (pages / "picture.png").write_bytes(b"\x89PNG\r\n")
    (pages / "unknown.zzz").write_bytes(b"\0")
    (pages / "large.bin").write_bytes(bytes(LARGE))
    (pages / "inside.html").symlink_to("deep/index.html")
    (pages / "outside.txt").symlink_to(folder / "secret.txt")
    (pages / "loop").symlink_to("loop")
    (pages / "empty").mkdir()
    return pages


@pytest.fixture(scope="module")
def host(pages: Path, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    entry = builder.contract("cpp")
    with Host(tmp_path_factory.mktemp("static"), None, entry=entry, static=pages, generate_token=True) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("", "text/html; charset=utf-8", b"<p>first</p>"),
        ("index.html?x=1", "text/html; charset=utf-8", b"<p>first</p>"),
        ("deep", "text/html; charset=utf-8", b"<p>deep</p>"),
        ("deep/er/a%20b.js", "text/javascript; charset=utf-8", b"run()"),
        ("picture.png", "image/png", b"\x89PNG\r\n"),
        ("unknown.zzz", "application/octet-stream", b"\0"),
        ("inside.html", "text/html; charset=utf-8", b"<p>deep</p>"),
    ],
)
def test_file_is_served_with_its_content_type_without_a_token(host: Host, name: str, kind: str, body: bytes) -> None:
    answer = host.call(None, AT + name, "GET")
    assert (answer.status, answer.body) == (200, body)
    assert answer.get("Content-Type") == kind
    assert answer.get("X-Content-Type-Options") == "nosniff"
    assert answer.get("Cache-Control") == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "none.html",
        "empty",
        "outside.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "deep/../../secret.txt",
        "..%2fsecret.txt",
        "%00",
        "loop",
        "x" * 5000,
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
    ],
)
def test_path_outside_of_the_folder_answers_404(host: Host, name: str) -> None:
    """No way leads out of the folder, and none to a trace."""
    answer = host.call(None, AT + name, "GET")
    assert answer.status == 404
    assert b"secret" not in answer.body.replace(b"secret.txt", b"")


def test_head_answers_with_the_files_length(host: Host) -> None:
    answer = host.call(None, f"{AT}index.html", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.get("Content-Length") == "12"


def test_post_answers_405(host: Host) -> None:
    assert host.call(b"", f"{AT}index.html", "POST").status == 405


def test_too_large_file_answers_403(host: Host) -> None:
    answer = host.call(None, f"{AT}large.bin", "GET")
    assert answer.status == 403
    assert "large.bin" in answer.text


def test_processor_still_needs_the_token(host: Host) -> None:
    assert host.call(b"x").status == 401


def test_without_the_option_static_paths_answer_404(builder: ProcessorBuilder, tmp_path: Path) -> None:
    with Host(tmp_path, None, entry=builder.contract("cpp")) as running:
        assert running.call(None, f"{AT}index.html", "GET").status == 404


def test_missing_folder_is_refused(builder: ProcessorBuilder, tmp_path: Path) -> None:
    done = run("--entry", builder.contract("cpp"), "--static", tmp_path / "none")
    done.fails_in_one_line(2, "--static", "none")
