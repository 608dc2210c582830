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
def test_get_shows_all_properties_without_the_token(host: Host) -> None:
    answer = host.call(None, PROP, "GET")
    assert (answer.status, answer.get("Content-Type")) == (200, "application/json")
    properties = json.loads(answer.body)
    assert properties["rpc.keepalive"] == "60000"
    assert properties["rpc.worker_threads"] == "1"
    assert properties["rpc.max_queue_size"] == "64"
    assert "rpc.token" not in properties


@columns("python-process")
def test_get_shows_one_property_or_404(host: Host) -> None:
    assert value(host, "rpc.keepalive") == "60000"
    answer = host.call(None, f"{PROP}?name=rpc.nothing", "GET")
    assert answer.status == 404
    assert "rpc.nothing" in answer.text


@columns("python-process")
def test_post_sets_a_property_from_the_query(host: Host) -> None:
    answer = host.call(b"", f"{PROP}?name=users.own&value=a%20b%26c", "POST")
    assert (answer.status, json.loads(answer.body)) == (200, {"users.own": "a b&c"})
    assert value(host, "users.own") == "a b&c"


@columns("python-process")
def test_post_sets_several_properties_from_json(host: Host) -> None:
    assert put(host, a="1", b=2, c=0.5, d=True, e="\u6a21\u578b") == {
        "a": "1",
        "b": "2",
        "c": "0.5",
        "d": "1",
        "e": "\u6a21\u578b",
    }


@columns("python-process")
def test_one_wrong_value_changes_no_property(host: Host) -> None:
    """The answer names it."""
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
def test_malformed_property_request_answers_400(host: Host, query: str, body: bytes) -> None:
    answer = host.call(body, PROP + query)
    assert answer.status == 400, answer
    assert answer.text.strip()


@columns("python-process")
def test_property_body_above_256_kib_answers_413(host: Host) -> None:
    assert host.call(b" " * (256 * 1024 + 1), PROP).status == 413


# Live.


@columns("python-process")
def test_keepalive_counts_for_requests_under_way(host: Host, gate: Gate) -> None:
    with host.ask(gate.command()) as waiting:
        gate.wait_entered()
        put(host, rpc__keepalive=1)
        assert waiting.read().status == 408
    put(host, rpc__keepalive=60_000)
    gate.release()
    assert host.call(b"x").body == b"x"


@columns("python-process")
def test_keepalive_shorter_than_its_own_request_is_still_confirmed(host: Host) -> None:
    """The client that has put it hears that it was put."""
    data = request(path=PROP, body=b'{"rpc.keepalive": 1}')
    with host.connect() as slow:
        slow.send(data[:-1])
        for _ in range(20):
            assert host.call(b"x").status == 200
        assert slow.send(data[-1:]).read().status == 200
    put(host, rpc__keepalive=60_000)


@columns("python-process")
def test_max_queue_size_acts_at_once(host: Host, gate: Gate) -> None:
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
def test_max_queue_size_is_capped_to_what_there_is_room_for(host: Host) -> None:
    """The answer has the value that counts."""
    (size,) = put(host, rpc__max_queue_size=50_000).values()
    assert 64 < int(size) < 50_000
    assert value(host, "rpc.max_queue_size") == size
    host.wait_for_log("requests may be in the host at once, not 50001: set --max-queue-size")
    put(host, rpc__max_queue_size=64)


@columns("cpp-process", "java-process")
def test_worker_threads_of_cpp_and_java_cannot_change(host: Host) -> None:
    """A request for as many as there are is no mistake."""
    answer = host.call(b'{"rpc.worker_threads": 2, "users.own": 1}', PROP)
    assert answer.status == 400
    assert "rpc.worker_threads: its threads cannot change" in answer.text
    assert put(host, rpc__worker_threads=1) == {"rpc.worker_threads": "1"}
    assert "users.own" not in json.loads(host.call(None, PROP, "GET").body)


def test_worker_threads_of_python_grow_at_once(start: StartHost, gate: Gate) -> None:
    host = start(language="python", worker_threads=1, keepalive=60_000)
    with host.ask(gate.command(b"1")) as first, host.ask(gate.command(b"2")) as second:
        gate.wait_entered()
        put(host, rpc__worker_threads=2)
        gate.wait_entered(2)
        gate.release(2)
        assert [client.read().status for client in (first, second)] == [200, 200]


@columns("python-process")
def test_default_headers_act_at_once(host: Host) -> None:
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
def test_model_ready_0_answers_503_and_fails_the_ready_probe(host: Host) -> None:
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
def test_rate_limit_acts_at_once(host: Host) -> None:
    put(host, rpc__rate_limit=1)
    statuses = {host.call(b"x").status for _ in range(5)}
    assert 429 in statuses
    put(host, rpc__rate_limit=0)
    assert host.call(b"x").status == 200


@columns("python-process")
def test_decompressor_acts_at_once_for_bodies_of_the_processor(host: Host) -> None:
    """Bodies of other handlers are read as they are."""
    put(host, rpc__decompressor="gzip")
    assert host.call(gzip.compress(b"packed")).body == b"packed"
    assert host.call(gzip.compress(b"packed"), "/api/builtin/call").body == b"packed"
    put(host, rpc__decompressor="none")
    assert host.call(b"plain").body == b"plain"


def test_token_acts_at_once_on_open_connections(start: StartHost) -> None:
    """No token is shown."""
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


def test_property_value_is_stored_without_being_interpreted(start: StartHost) -> None:
    host = start(language="python")
    strange = command("die", "exit:1").decode("latin-1")
    assert host.call(json.dumps({"users.own": strange}).encode(), PROP).status == 200
    assert json.loads(host.call(None, PROP, "GET").body)["users.own"] == strange
