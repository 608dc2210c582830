"""
Which requests reach the processor, and what an answer looks like, whoever gives it.
"""

from __future__ import annotations

import json

import pytest

from support.columns import columns
from support.host import Host
from support.ways import all_ways, refuses
from support.wire import command, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 2}
pytestmark = columns("cpp-process")


# Where requests go.


@pytest.mark.parametrize(
    "path",
    ["", "/", "/sub", "/deep/er/sub?query=1", "?query=1&other=2", "/%F0%9F%98%80"],
)
def test_paths_below_the_service_reach_the_processor(host: Host, path: str) -> None:
    assert host.call(b"body", host.path + path).body == b"body"


@pytest.mark.parametrize(
    "path", ["/", "/test", "/api/predict/another", "/api/predict", "/api/builtinx", "/api", "//", "/?x=1"]
)
def test_any_path_outside_of_builtin_reaches_the_processor(host: Host, path: str) -> None:
    """EAS does the same locally."""
    assert host.call(b"body", path).body == b"body"


@pytest.mark.parametrize(
    "path", ["/api/builtin/unknown", "/api/builtin/unknown?x=1", "/api/builtin/", "/api/builtin/a/b"]
)
def test_unknown_builtin_path_answers_404_with_a_text(host: Host, path: str) -> None:
    """Clients take a 404 without one for a gateway that is not ready (docs/eas-compatibility.md, section 4.2)."""
    all_ways(host, request("POST", path, b"body"), refuses(404), closes=False)
    all_ways(host, request("GET", path), refuses(404), closes=False, method="GET")


@pytest.mark.parametrize("method", ["DELETE", "TRACE", "OPTIONS", "CONNECT"])
def test_unsupported_method_answers_405_with_allow(host: Host, method: str) -> None:
    with host.connect() as client:
        answer = client.send(request(method, "/a:1" if method == "CONNECT" else host.path)).read(method)
    assert answer.status == 405, answer
    assert {"GET", "POST"} <= {name.strip() for name in (answer.get("Allow") or "").split(",")}


def test_head_is_answered_without_a_body(host: Host) -> None:
    """The answer may have any status, and the connection goes on."""
    all_ways(host, request("HEAD"), lambda _: None, closes=False, method="HEAD")


# Answers.


def test_answer_has_a_fixed_content_type_and_nosniff(host: Host) -> None:
    """No browser may run what a client sent."""
    for body in (
        b"<script>alert(1)</script>",
        command("status", "404:<b>no</b>"),
        command("throw", "<i>no</i>"),
    ):
        answer = host.call(body)
        assert answer.version == "HTTP/1.1"
        assert answer.get("Content-Type") == "application/octet-stream"
        assert answer.get("X-Content-Type-Options") == "nosniff"
        assert answer.get("Content-Length") == str(len(answer.body))
    host.expect_log("runtime_error")


def test_refusal_is_not_html_and_has_nosniff(host: Host) -> None:
    answer = host.call(b"", "/api/builtin/unknown")
    assert answer.get("X-Content-Type-Options") == "nosniff"
    assert "html" not in (answer.get("Content-Type") or "")
    assert answer.get("Content-Length") == str(len(answer.body))


def test_status_line_has_a_reason(host: Host) -> None:
    """EAS's own 450 has one, too."""
    for status, reason in ((200, "OK"), (404, "Not Found"), (503, "Service Unavailable"), (450, None)):
        answer = host.call(command("status", f"{status}:"))
        assert answer.status == status
        assert answer.reason == (reason or answer.reason)
        assert answer.reason


@pytest.mark.parametrize("status", [204, 304])
def test_204_and_304_have_no_body(host: Host, status: int) -> None:
    """204 has no Content-Length (RFC 9110, section 8.6); the next answer is not confused."""
    with host.connect() as client:
        answer = client.call(command("status", f"{status}:dropped"))
        assert (answer.status, answer.body) == (status, b"")
        if status == 204:
            assert answer.get("Content-Length") is None
        assert client.call(b"next").body == b"next"


def test_json_body_comes_back(host: Host) -> None:
    """An everyday request, as a check of the checks."""
    text = json.dumps({"words": ["ключ", "錠"]}, ensure_ascii=False)
    assert json.loads(host.call(text.encode()).text) == {"words": ["ключ", "錠"]}
