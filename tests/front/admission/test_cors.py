"""
Pages of other origins (`--cors`): preflights are answered, and every answer says which origin may read it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eas_host.cli.options import read_config
from support.build import ProcessorBuilder
from support.command import run
from support.gate import Gate
from support.host import Host, StartHost, Value
from support.wire import Response, chunked, command, request

PAGE = "http://localhost:3000"
OTHER = "https://app.example"
STRANGER = "http://evil.example"
TOKEN = "fOURsOg="  # noqa: S105
PROP = "/api/builtin/prop"


@pytest.fixture(scope="module")
def cors_host(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    options: dict[str, Value] = {
        "cors": [f"{PAGE}/,{OTHER}:443"],
        "worker_threads": 1,
        "max_body": "1MiB",
        "max_queue_size": 1,
    }
    with Host(tmp_path_factory.mktemp("cors"), entry=builder.contract("cpp"), keepalive=60_000, **options) as running:
        running.mark()
        yield running


def ask(
    host: Host, *headers: tuple[str, str], method: str = "POST", path: str = "/api/predict/contract", body: bytes = b"x"
) -> Response:
    with host.connect() as client:
        return client.send(request(method, path, body, headers)).read(method)


def preflight(host: Host, origin: str, *headers: tuple[str, str], path: str = "/api/predict/contract") -> Response:
    asked = [("Origin", origin), ("Access-Control-Request-Method", "POST"), *headers]
    with host.connect() as client:
        answer = client.send(request("OPTIONS", path, headers=asked)).read("OPTIONS")
        assert client.call(b"next").body == b"next"
        return answer


def readable_by(answer: Response) -> str | None:
    if answer.get("Access-Control-Allow-Origin") is None:
        return None
    assert answer.get("Access-Control-Expose-Headers") == "*"
    return answer.get("Access-Control-Allow-Origin")


# The preflight.


@pytest.mark.parametrize("origin", [PAGE, OTHER])
@pytest.mark.parametrize(
    "path", ["/api/predict/contract", "/", "/api/predict/contract/below?x=1", PROP, "/api/builtin/x"]
)
def test_preflight_of_an_allowed_origin_answers_204(cors_host: Host, origin: str, path: str) -> None:
    """The answer has no body and the headers that the standard wants, for every path."""
    answer = preflight(cors_host, origin, path=path)
    assert (answer.status, answer.body, answer.get("Content-Length")) == (204, b"", None)
    assert readable_by(answer) == origin
    assert answer.get("Access-Control-Allow-Methods") == "GET, HEAD, POST"
    assert answer.get("Access-Control-Allow-Headers") == "authorization, content-type"
    assert answer.get("Access-Control-Max-Age") == "7200"
    assert answer.get("Vary") == "Origin"
    assert answer.get("Access-Control-Allow-Private-Network") is None


def test_preflight_allows_the_requested_headers_and_private_network(cors_host: Host) -> None:
    """Every header may be sent, if it is one; the private network is allowed where it is asked for."""
    asked = ("Access-Control-Request-Headers", "X-Trace,content-type, x-b ,b\xe4d,a b, <x>")
    answer = preflight(cors_host, PAGE, asked, ("Access-Control-Request-Private-Network", "true"))
    assert answer.get("Access-Control-Allow-Headers") == "authorization, content-type, x-trace, x-b"
    assert answer.get("Access-Control-Allow-Private-Network") == "true"


@pytest.mark.parametrize(
    "origin", [STRANGER, "http://localhost", "http://localhost:30000", "https://localhost:3000", "null"]
)
def test_preflight_of_another_origin_answers_403(cors_host: Host, origin: str) -> None:
    answer = preflight(cors_host, origin)
    assert (answer.status, readable_by(answer)) == (403, None)
    assert f"--cors {origin}" in answer.text


def test_options_request_that_is_not_a_preflight_answers_405(cors_host: Host) -> None:
    """OPTIONS is no method of a service."""
    for headers in ([], [("Origin", PAGE)], [("Access-Control-Request-Method", "POST")]):
        answer = ask(cors_host, *headers, method="OPTIONS")
        assert (answer.status, answer.get("Allow")) == (405, "GET, HEAD, POST")


def test_preflight_needs_no_token_but_the_request_does(start: StartHost) -> None:
    """Browsers send none with it; the page can read a refusal."""
    host = start(token=TOKEN, cors=PAGE)
    with host.connect() as client:
        asked = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")]
        answer = client.send(request("OPTIONS", headers=[("Origin", PAGE), *asked])).read("OPTIONS")
    assert answer.status == 204
    assert "authorization" in (answer.get("Access-Control-Allow-Headers") or "")
    answer = ask(host, ("Origin", PAGE))
    assert (answer.status, readable_by(answer)) == (401, PAGE)
    answer = ask(host, ("Origin", PAGE), ("Authorization", TOKEN))
    assert (answer.status, readable_by(answer)) == (200, PAGE)


def test_without_cors_a_preflight_answers_405_and_names_the_option(start: StartHost) -> None:
    host = start()
    answer = preflight(host, PAGE)
    assert (answer.status, answer.get("Allow")) == (405, "GET, HEAD, POST")
    assert f"--cors {PAGE}" in answer.text
    answer = ask(host, ("Origin", PAGE))
    assert (answer.status, readable_by(answer), answer.get("Vary")) == (200, None, None)


# The answers.


@pytest.mark.parametrize("origin", [PAGE, OTHER])
def test_every_answer_has_the_allowed_origin(cors_host: Host, origin: str) -> None:
    """The third answer on a connection has it, a HEAD's, an error's and one without a body."""
    with cors_host.connect() as client:
        for number in range(3):
            answer = client.send(request(body=b"%d" % number, headers=[("Origin", origin)])).read()
            assert (answer.body, readable_by(answer), answer.get("Vary")) == (b"%d" % number, origin, "Origin")
            answer = client.call(b"no page")
            assert (answer.body, readable_by(answer), answer.get("Vary")) == (b"no page", None, "Origin")
        for status in ("204:", "404:none", "450:full"):
            answer = client.send(request(body=command("status", status), headers=[("Origin", origin)])).read()
            assert (answer.status, readable_by(answer)) == (int(status[:3]), origin)
        answer = client.send(request("HEAD", headers=[("Origin", origin)])).read("HEAD")
        assert (answer.status, readable_by(answer)) == (200, origin)
        large = request(body=bytes(1 << 20), headers=[("Origin", origin)])
        assert readable_by(client.send(large).read()) == origin
    with cors_host.connect() as client:
        old = request(version="HTTP/1.0", body=b"x", headers=[("Origin", origin), ("Connection", "keep-alive")])
        answer = client.send(old).read()
        assert (readable_by(answer), answer.get("Connection")) == (origin, "keep-alive")


def test_another_origin_is_answered_without_a_cors_header(cors_host: Host) -> None:
    """The page is answered as every program is, but its browser keeps the answer from it."""
    answer = ask(cors_host, ("Origin", STRANGER))
    assert (answer.status, answer.body, readable_by(answer)) == (200, b"x", None)


def test_refusals_have_the_allowed_origin(cors_host: Host, gate: Gate) -> None:
    """A page can tell why it was refused."""
    origin = ("Origin", PAGE)
    refusals = {
        405: request("DELETE", headers=[origin]),
        413: request(headers=[origin, ("Content-Length", str(2 << 20))]),
        414: request("GET", "/" + "u" * 9000, headers=[origin]),
        415: request(body=b"x", headers=[origin, ("Content-Encoding", "br")]),
        417: request(body=b"x", headers=[origin, ("Expect", "much")]),
        501: request(headers=[origin, ("Transfer-Encoding", "gzip, chunked")]) + chunked(b"x", 1),
    }
    for status, data in refusals.items():
        with cors_host.connect() as client:
            answer = client.send(data).read()
            assert (answer.status, readable_by(answer)) == (status, PAGE), answer
    with cors_host.ask(gate.command()) as busy, cors_host.ask(b"waits") as waiting:
        gate.wait_entered()
        cors_host.wait_queue(1)
        answer = ask(cors_host, origin)
        assert (answer.status, readable_by(answer)) == (450, PAGE)
        gate.release()
        assert busy.read().status == 200
        assert waiting.read().status == 200


def test_answer_to_a_crash_has_the_allowed_origin(start: StartHost) -> None:
    host = start(cors=PAGE)
    host.allow_log("SIGSEGV")
    answer = ask(host, ("Origin", PAGE), body=command("die", "segv"))
    assert (answer.status, readable_by(answer)) == (500, PAGE)


def test_star_allows_every_origin_without_a_vary_header(start: StartHost) -> None:
    """A star is the same for everybody, so caches need no word on it."""
    host = start(cors="*")
    for origin in (PAGE, STRANGER, "null"):
        answer = ask(host, ("Origin", origin))
        assert (answer.body, readable_by(answer), answer.get("Vary")) == (b"x", "*", None)
        assert preflight(host, origin).status == 204


def test_cors_header_replaces_that_of_default_headers(start: StartHost) -> None:
    """A browser refuses what is there twice; programs helped themselves with rpc.http.default_headers."""
    host = start(cors=PAGE)
    properties = b'{"rpc.http.default_headers": "Access-Control-Allow-Origin: *\\nX-Model: 3"}'
    assert ask(host, path=PROP, body=properties).status == 200
    answer = ask(host, ("Origin", PAGE))
    assert (readable_by(answer), answer.get("X-Model")) == (PAGE, "3")
    answer = ask(host)
    assert (answer.get("Access-Control-Allow-Origin"), answer.get("X-Model")) == ("*", "3")


# The builtin handlers.


def test_only_allowed_pages_may_use_builtin_handlers(cors_host: Host) -> None:
    """Another page changes nothing, and reads nothing."""
    origin = ("Origin", PAGE)
    answer = ask(cors_host, origin, method="GET", path=PROP)
    assert (answer.status, readable_by(answer)) == (200, PAGE)
    far = ("Sec-Fetch-Site", "cross-site")
    assert ask(cors_host, origin, far, path=PROP, body=b'{"a": 1}').status == 200
    assert ask(cors_host, ("Origin", STRANGER), path=PROP, body=b'{"a": 1}').status == 403
    answer = ask(cors_host, ("Origin", STRANGER), method="GET", path=PROP)
    assert (answer.status, readable_by(answer)) == (200, None)
    assert ask(cors_host, far, path=PROP, body=b'{"a": 1}').status == 403


def test_star_does_not_let_every_page_change_the_service(start: StartHost) -> None:
    """A page whose origin is named may change it."""
    host = start(cors=["*", PAGE])
    answer = ask(host, ("Origin", STRANGER), path="/api/builtin/term")
    assert (answer.status, readable_by(answer)) == (403, "*")
    assert ask(host, ("Origin", PAGE), path=PROP, body=b'{"a": 1}').status == 200


# The option.


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("http://a.example", ("http://a.example",)),
        ("HTTP://A.Example/", ("http://a.example",)),
        (
            "http://a.example:80, https://a.example:443,http://a.example:443",
            ("http://a.example", "https://a.example", "http://a.example:443"),
        ),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("http://b\xfccher.example", ("http://xn--bcher-kva.example",)),
        ("chrome-extension://abcdef", ("chrome-extension://abcdef",)),
        ("*", ("*",)),
        ("null", ("null",)),
    ],
)
def test_cors_option_accepts_origins_as_browsers_write_them(text: str, origins: tuple[str, ...]) -> None:
    """The origins come from a flag and from the environment."""
    assert read_config(["--cors", text]).cors == origins
    assert read_config([], {"EAS_HOST_CORS": text}).cors == origins
    assert read_config([f"--cors={part}" for part in text.split(",")]).cors == origins


@pytest.mark.parametrize(
    "text",
    [
        "localhost:3000",
        "a.example",
        "http://a.example/page",
        "http://u@a.example",
        "http://*.a.example",
        "http://",
        "http://a b",
    ],
)
def test_cors_option_refuses_an_invalid_origin(builder: ProcessorBuilder, text: str) -> None:
    done = run("--entry", builder.contract("cpp"), "--cors", text)
    done.fails_in_one_line(2, "--cors", "expected an origin, such as http://localhost:3000")
