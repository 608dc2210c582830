"""
Handlers that a program injects answer their paths beside the processor, whatever the processor does.
"""

from __future__ import annotations

import json
import select
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support import TIMEOUT
from support.build import ProcessorBuilder
from support.host import Host, StartHost
from support.wire import Response, request


@pytest.fixture(scope="module")
def injects(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("injects")
    with Host(folder, entry=builder.python("injects.py"), keepalive=60_000) as host:
        yield host


def ask(host: Host, path: str, token: str, body: bytes = b"x") -> Response:
    with host.connect() as client:
        return client.send(request("POST", path, body, [("Authorization", token)])).read()


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/hello", b"world", b"hello world"),
        ("/hello?a=b", b"", b"hello "),
        ("/hello/", b"x", b"processed x"),
        ("/Hello", b"x", b"processed x"),
        ("/api/predict/injects", b"x", b"processed x"),
        ("/api/predict/injects/inner", b"x", b"inner"),
        ("/%E6%A8%A1%E5%9E%8B", b"", "\u6587\u5b57".encode()),
        ("/h%65llo", b"x", b"hello x"),
        ("/api/builtin/mine", b"", b"mine"),
        ("/size", b"1000000", b"s" * 1_000_000),
        ("/size", b"0", b""),
    ],
)
def test_handlers_answer_exactly_their_registered_paths(injects: Host, path: str, body: bytes, answer: bytes) -> None:
    """All other paths are the processor's."""
    got = injects.call(body, path)
    assert (got.status, got.body) == (200, answer)


def test_handler_answers_get_and_head(injects: Host) -> None:
    with injects.connect() as client:
        assert client.send(request("GET", "/hello")).read("GET").body == b"hello "
        head = client.send(request("HEAD", "/hello")).read("HEAD")
        assert (head.status, head.get("Content-Length")) == (200, "6")
        assert client.call(b"x", "/hello").body == b"hello x"


def test_only_handlers_below_builtin_check_the_host_name(injects: Host) -> None:
    """The others answer to every name, as the processor does."""
    statuses = {}
    for name in ("localhost", "evil.example"):
        for path in ("/hello", "/api/builtin/mine"):
            with injects.connect() as client:
                client.send(request("GET", path).replace(b"Host: 127.0.0.1", b"Host: " + name.encode()))
                statuses[name, path] = client.read("GET").status
    assert [*statuses.values()] == [200, 200, 200, 403]


def test_builtin_handlers_cannot_be_replaced(injects: Host) -> None:
    assert injects.call(b"", "/api/builtin/ping").body == b"pong\n"
    assert "cannot be injected" in injects.log.text()


def test_handler_with_its_own_token_needs_it(injects: Host) -> None:
    assert injects.call(b"x", "/guarded").status == 401
    assert ask(injects, "/guarded", "wrong").status == 401
    for token in ("s3cret", "Bearer s3cret", "bearer  s3cret"):
        assert ask(injects, "/guarded", token).body == b"for you: x"


def test_handlers_own_token_replaces_that_of_the_service(start: StartHost, builder: ProcessorBuilder) -> None:
    """Other paths ask for the service's."""
    host = start(entry=builder.python("injects.py"), language="python", token="t0ken")  # noqa: S106
    assert ask(host, "/guarded", "s3cret").status == 200
    assert ask(host, "/guarded", "t0ken").status == 401
    assert ask(host, "/hello", "t0ken").status == 200
    assert ask(host, "/hello", "s3cret").status == 401
    assert host.call(b"x", "/hello").status == 401


def test_exception_in_a_handler_answers_400_with_its_text(injects: Host) -> None:
    """An exception in process answers so, too; the trace is in the log."""
    injects.allow_log("/raises raised ValueError")
    got = injects.call(b"so", "/raises")
    assert (got.status, got.body.strip()) == (400, b"not so")
    injects.wait_for_log("/raises raised ValueError")


def test_handler_body_above_256_kib_answers_413(injects: Host) -> None:
    assert injects.call(bytes(256 * 1024), "/size").status == 400  # no number
    injects.allow_log("/size raised")
    assert injects.call(bytes(256 * 1024 + 1), "/size").status == 413


def test_handler_in_a_pipeline_is_answered_in_order(injects: Host) -> None:
    with injects.connect() as client:
        client.send(request(path="/hello", body=b"1") + request(body=b"2") + request(path="/hello", body=b"3"))
        assert [client.read().body for _ in range(3)] == [b"hello 1", b"processed 2", b"hello 3"]


def test_slow_handler_answers_408_and_occupies_no_worker_thread(start: StartHost, builder: ProcessorBuilder) -> None:
    """A later answer of the handler goes nowhere."""
    host = start(entry=builder.python("injects.py"), language="python", keepalive=60_000, worker_threads=1)
    with host.ask(b"", "/waits") as late, host.ask(b"", "/waits") as other:
        assert host.call(b"x").body == b"processed x"
        assert host.call(b'{"rpc.keepalive": 1}', "/api/builtin/prop").status == 200
        assert late.read().status == 408
        assert other.read().status == 408
        assert host.call(b'{"rpc.keepalive": 60000}', "/api/builtin/prop").status == 200
    assert host.call(b"leave").status == 200
    assert host.call(b"x", "/hello").body == b"hello x"


def test_65th_concurrent_handler_request_answers_450(start: StartHost, builder: ProcessorBuilder) -> None:
    """There is room again when those before it are answered or their clients have left."""
    host = start(entry=builder.python("injects.py"), language="python", keepalive=60_000)
    with ExitStack() as clients:
        waiting = [clients.enter_context(host.ask(b"", "/waits")) for _ in range(65)]
        (refused, *more), _, _ = select.select([client.socket for client in waiting], [], [], TIMEOUT)
        assert more == []
        (one,) = [client for client in waiting if client.socket is refused]
        assert one.read().status == 450
        for client in waiting:
            client.reset()
    while json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["connections"] > 1:
        pass
    with host.ask(b"x", "/hello") as client:  # behind those that nobody waits for any more
        assert host.call(b"leave").status == 200
        assert client.read().body == b"hello x"


def test_death_of_the_worker_answers_500_and_handlers_come_back(start: StartHost, builder: ProcessorBuilder) -> None:
    """The next worker brings them."""
    host = start(entry=builder.python("injects.py"), language="python", keepalive=60_000)
    host.allow_log("SIGSEGV|eas_runtime")
    with host.ask(b"", "/waits") as waiting:
        assert host.call(b"", "/dies").status == 500
        assert waiting.read().status == 500
    while (got := host.call(b"x")).status == 503:
        pass  # a worker that dies soon after its start is replaced a little later
    assert got.body == b"processed x"
    assert host.call(b"x", "/hello").body == b"hello x"


def test_handler_requests_sent_ahead_wait_for_the_next_worker(start: StartHost, builder: ProcessorBuilder) -> None:
    """The worker died before they reached it; requests for the processor wait in the same way."""
    host = start(entry=builder.python("injects.py"), language="python", keepalive=60_000)
    assert host.call(b"x", "/hello").body == b"hello x"
    host.allow_log("SIGSEGV|eas_runtime")
    with host.connect() as client:
        client.send(request(path="/dies", body=b"") + request(path="/hello", body=b"1") + request(path="/hello"))
        assert client.read().status == 500
        assert [client.read().body for _ in range(2)] == [b"hello 1", b"hello "]


def test_handler_runs_in_a_living_worker_of_several(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start(entry=builder.python("injects.py"), language="python", worker_processes=2)
    assert int(host.call(b"", "/pid").body) in host.workers()
    victim = host.kill_worker(int(host.call(b"", "/pid").body))
    host.expect_log("SIGKILL")
    assert int(host.call(b"", "/pid").body) in set(host.workers()) - {victim}
