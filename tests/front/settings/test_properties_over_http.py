"""
Properties over HTTP, and that a new value acts at once on the host that is running.
"""

from __future__ import annotations

import gzip
import json

import pytest

from support.columns import columns
from support.gate import Gate
from support.host import Host, StartHost
from support.wire import Response, command, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 1}
PROP = "/api/builtin/prop"


def put(host: Host, **values: str | float) -> dict[str, str]:
    """Changes properties, `__` standing for a dot, and returns their values as answered."""
    answer = host.call(json.dumps({name.replace("__", "."): value for name, value in values.items()}).encode(), PROP)
    assert answer.status == 200, answer
    answered: dict[str, str] = json.loads(answer.body)
    return answered


def value(host: Host, name: str) -> str:
    answer = host.call(None, f"{PROP}?name={name}", "GET")
    assert answer.status == 200, answer
    return answer.text.removesuffix("\n")


# Reading and writing over HTTP.


@columns("python-process")
def test_read_all(host: Host) -> None:
    answer = host.call(None, PROP, "GET")
    assert (answer.status, answer.get("Content-Type")) == (200, "application/json")
    properties = json.loads(answer.body)
    assert properties["rpc.keepalive"] == "60000"
    assert properties["rpc.worker_threads"] == "1"
    assert properties["rpc.max_queue_size"] == "64"
    assert "rpc.token" not in properties


@columns("python-process")
def test_read_one(host: Host) -> None:
    assert value(host, "rpc.keepalive") == "60000"
    answer = host.call(None, f"{PROP}?name=rpc.nothing", "GET")
    assert answer.status == 404
    assert "rpc.nothing" in answer.text


@columns("python-process")
def test_write_one(host: Host) -> None:
    answer = host.call(b"", f"{PROP}?name=users.own&value=a%20b%26c", "POST")
    assert (answer.status, json.loads(answer.body)) == (200, {"users.own": "a b&c"})
    assert value(host, "users.own") == "a b&c"


@columns("python-process")
def test_write_several(host: Host) -> None:
    assert put(host, a="1", b=2, c=0.5, d=True, e="\u6a21\u578b") == {
        "a": "1",
        "b": "2",
        "c": "0.5",
        "d": "1",
        "e": "\u6a21\u578b",
    }


@columns("python-process")
def test_all_or_none(host: Host) -> None:
    """One wrong value, and nothing changes; the answer names it."""
    before = host.call(None, PROP, "GET").body
    for order in ({"x.new": "1", "rpc.keepalive": "soon"}, {"rpc.keepalive": "soon", "rpc.max_queue_size": 3}):
        answer = host.call(json.dumps(order).encode(), PROP)
        assert answer.status == 400
        assert "rpc.keepalive: 'soon' is wrong: expected a whole number" in answer.text
    assert host.call(None, PROP, "GET").body == before


@columns("python-process")
@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", b""),
        ("", b"{"),
        ("", b"\xff"),
        ("", b"{}"),
        ("", b"[]"),
        ("", b'"rpc.keepalive"'),
        ("", b'{"rpc.keepalive": null}'),
        ("", b'{"rpc.keepalive": [1]}'),
        ("", b'{"rpc.keepalive": NaN}'),
        ("", b'{"": 1}'),
        ("", b"[" * 100_000),
        ("", b'{"rpc.keepalive": ' + b"9" * 100_000 + b"}"),
        ("?name=rpc.keepalive", b""),
        ("?value=5", b""),
        ("?name=rpc.keepalive&value=", b""),
        ("?name=rpc.keepalive&value=5&more=6", b""),
        ("?name=rpc.keepalive&value=5", b'{"a": 1}'),
    ],
)
def test_wrong_requests(host: Host, query: str, body: bytes) -> None:
    answer = host.call(body, PROP + query)
    assert answer.status == 400, answer
    assert answer.text.strip()


@columns("python-process")
def test_a_body_is_bounded(host: Host) -> None:
    assert host.call(b" " * (256 * 1024 + 1), PROP).status == 413


# Live.


@columns("python-process")
def test_keepalive_of_what_runs(host: Host, gate: Gate) -> None:
    """A request that is under way has the new time, too."""
    with host.ask(gate.command()) as waiting:
        gate.wait_entered()
        put(host, rpc__keepalive=1)
        assert waiting.read().status == 408
    put(host, rpc__keepalive=60_000)
    gate.release()
    assert host.call(b"x").body == b"x"


@columns("python-process")
def test_keepalive_that_is_shorter_than_its_own_request(host: Host) -> None:
    """Who has put it hears that it was put."""
    data = request(path=PROP, body=b'{"rpc.keepalive": 1}')
    with host.connect() as slow:
        slow.send(data[:-1])
        for _ in range(20):
            assert host.call(b"x").status == 200
        assert slow.send(data[-1:]).read().status == 200
    put(host, rpc__keepalive=60_000)


@columns("python-process")
def test_queue_size(host: Host, gate: Gate) -> None:
    put(host, rpc__max_queue_size=1)
    with host.ask(gate.command(b"1")) as first:
        gate.wait_entered()
        with host.ask(b"2") as second:
            host.wait_queue(1)
            assert host.call(b"3").status == 450
            put(host, rpc__max_queue_size=2)
            with host.ask(b"3") as third:
                host.wait_queue(2)
                gate.release()
                assert [client.read().body for client in (first, second, third)] == [b"1", b"2", b"3"]
    put(host, rpc__max_queue_size=64)


@columns("python-process")
def test_queue_size_that_is_too_large(host: Host) -> None:
    """What is answered is what there is room for."""
    (size,) = put(host, rpc__max_queue_size=50_000).values()
    assert 64 < int(size) < 50_000
    assert value(host, "rpc.max_queue_size") == size
    host.wait_for_log("requests may be in the host at once, not 50001: set --max-queue-size")
    put(host, rpc__max_queue_size=64)


@columns("cpp-process", "java-process")
def test_worker_threads_that_are_fixed(host: Host) -> None:
    """Other processors than Python's keep theirs: who asks for more is told so. Asking for as many is no mistake."""
    answer = host.call(b'{"rpc.worker_threads": 2, "users.own": 1}', PROP)
    assert answer.status == 400
    assert "rpc.worker_threads: its threads cannot change" in answer.text
    assert put(host, rpc__worker_threads=1) == {"rpc.worker_threads": "1"}
    assert "users.own" not in json.loads(host.call(None, PROP, "GET").body)


def test_worker_threads(start: StartHost, gate: Gate) -> None:
    """More threads take requests at once."""
    host = start(language="python", worker_threads=1, keepalive=60_000)
    with host.ask(gate.command(b"1")) as first, host.ask(gate.command(b"2")) as second:
        gate.wait_entered()
        put(host, rpc__worker_threads=2)
        gate.wait_entered(2)
        gate.release(2)
        assert [client.read().status for client in (first, second)] == [200, 200]


@columns("python-process")
def test_default_headers_of_answers(host: Host) -> None:
    with host.connect() as client:
        assert client.call(b"x").get("Content-Type") == "application/octet-stream"
        put(host, rpc__http__default_headers="Content-Type: text/html; charset=utf-8\nX-Model: 3")
        answer = client.call(b"x")
        assert (answer.get("Content-Type"), answer.get("X-Model")) == ("text/html; charset=utf-8", "3")
        answer = client.call(command("status", "204:"))
        assert (answer.get("Content-Type"), answer.get("X-Model")) == (None, "3")
        put(host, rpc__http__default_headers="")
        answer = client.call(b"x")
        assert (answer.get("Content-Type"), answer.get("X-Model")) == ("application/octet-stream", None)


@columns("python-process")
def test_model_ready(host: Host) -> None:
    """A program may say itself that it takes no requests for a while."""

    def ready() -> list[int]:
        probes = (host.call(None, path, "GET").status for path in ("/api/builtin/ping", "/api/builtin/ping?ready=true"))
        return [host.call(b"x").status, *probes]

    assert ready() == [200, 200, 200]
    put(host, model__ready=0)
    assert ready() == [503, 200, 503]
    put(host, model__ready=True)
    assert ready() == [200, 200, 200]


@columns("python-process")
def test_rate_limit(host: Host) -> None:
    put(host, rpc__rate_limit=1)
    statuses = {host.call(b"x").status for _ in range(5)}
    assert 429 in statuses
    put(host, rpc__rate_limit=0)
    assert host.call(b"x").status == 200


@columns("python-process")
def test_decompressor(host: Host) -> None:
    """It is for the processor's bodies: those of other handlers are read as they are."""
    put(host, rpc__decompressor="gzip")
    assert host.call(gzip.compress(b"packed")).body == b"packed"
    assert host.call(gzip.compress(b"packed"), "/api/builtin/call").body == b"packed"
    put(host, rpc__decompressor="none")
    assert host.call(b"plain").body == b"plain"


def test_token(start: StartHost) -> None:
    """From the moment of its change the new one is asked for, on connections that are open, too; none is shown."""
    host = start(language="python", access_log=True)

    def ask(token: str, path: str = host.path, body: bytes | None = b"x") -> Response:
        with host.connect() as client:
            headers = [("Authorization", token)]
            return client.send(request("GET" if body is None else "POST", path, body, headers)).read()

    known = request(body=b"x" * 100)
    with host.connect() as client, host.connect() as other:
        for one in (client, other):
            assert [one.send(known).read().status for _ in range(2)] == [200, 200]
        assert put(host, rpc__token="first") == {"rpc.token": "****"}  # noqa: S106
        assert client.send(known).read().status == 401
        # What is of the same size is no known request, whatever stands for "none is known".
        assert other.send(bytes(len(known))).read().status == 400
    assert ask("first").status == 200
    assert host.call(None, PROP, "GET").status == 401
    assert ask("first", f"{PROP}?name=rpc.token&value=second", b"").status == 200
    assert (ask("first").status, ask("second").status) == (401, 200)
    answer = ask("second", PROP, None)
    assert json.loads(answer.body)["rpc.token"] == "****"
    assert ask("second", f"{PROP}?name=rpc.token", None).text == "****\n"
    assert host.call(b"", f"{PROP}?value=third&name=rpc%2Etoken").status == 401
    host.wait_for_log(r'"POST /api/builtin/prop\?\*\*\*\*" 401')
    assert "second" not in host.log.text()
    assert "third" not in host.log.text()


# Put by the program: see sdk/test_user_programs.py for those that do it in each place where users do.


def test_commands_are_no_properties(start: StartHost) -> None:
    """What is stored for the programs is not looked into."""
    host = start(language="python")
    strange = command("die", "exit:1").decode("latin-1")
    assert host.call(json.dumps({"users.own": strange}).encode(), PROP).status == 200
    assert json.loads(host.call(None, PROP, "GET").body)["users.own"] == strange
