"""
`async_process`: what only its callback can do; what is the same in all languages is in kinds/test_async_table.py.

The processor (processors/cpp/answers_later.cc) keeps a request that says `hold`, and another request has it answered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import LONG
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.wire import Client, ConnectionEnded, Response, request

DIES = "SIGSEGV|SIGABRT|SIGKILL|exit"
Begin = Callable[..., Host]
COLUMNS: list[dict[str, Value]] = [{"isolation": "process"}, {"isolation": "none"}, {"worker": "native"}]


@pytest.fixture
def begin(start: StartHost, builder: ProcessorBuilder) -> Begin:
    """Starts a host with these options."""

    def make(**options: Value) -> Host:
        return start(entry=builder.cpp("answers_later"), **{"keepalive": LONG, **options})

    return make


def command(verb: str, argument: str = "") -> bytes:
    """What makes the processor obey *verb*."""
    return f"{verb}:{argument}".encode()


def hold(host: Host, clients: ExitStack, *names: str, once: Path | None = None) -> list[Client]:
    """
    Requests that the processor has, and does not answer yet. With a folder, *once*, it does so in their second run:
    "again " + name.
    """
    held = []
    for name in names:
        body = command("hold", name) if once is None else command("once", f"{once}:{name}")
        held.append(clients.enter_context(host.ask(body)))
        host.wait_for_log(f"holds {name}$")
    return held


def release(host: Host, name: str, answer: str = "") -> Response:
    """Has the processor answer the request that it holds: "hold:" + *name* + *answer*."""
    return host.call(command("release", f"{name}:{answer}"))


def read_head(client: Client) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.socket.recv(1)
        assert byte, f"the connection ended after {head!r}"
        head += byte
    return head


# What answers.


@pytest.mark.parametrize("options", COLUMNS, ids=str)
def test_answer_may_be_any_bytes(begin: Begin, options: dict[str, Value]) -> None:
    """The input, nothing, or what is made of an input that is kept."""
    host = begin(worker_threads=1, **options)
    host.allow_log("nothing is held")
    assert host.call(b"").body == b""
    assert host.call(b"echo").body == b"echo"
    large = os.urandom(3_000_000)
    assert host.call(large).body == large
    assert host.call(command("nowhere")).body == b""
    with ExitStack() as clients:
        first, second = hold(host, clients, "first", "second")
        assert release(host, "second", " 2").body == b"released"
        assert second.read().body == b"hold:second 2"
        release(host, "first", " 1")
        assert first.read().body == b"hold:first 1"
    unknown = host.call(command("release", "nobody:"))
    assert (unknown.status, unknown.message) == (400, "nothing is held as nobody")


@pytest.mark.parametrize("options", COLUMNS, ids=str)
def test_answers_may_come_in_parts(begin: Begin, options: dict[str, Value]) -> None:
    """The client has each when it is sent; a part may be larger than what the ring holds of it."""
    host = begin(worker_threads=1, **options)
    with ExitStack() as clients:
        (client,) = hold(host, clients, "stream")
        assert host.call(command("part", "stream:one")).body == b"sent"
        assert b"200 OK" in read_head(client)
        assert client.socket.recv(100) == b"3\r\none\r\n"
        host.call(command("part", "stream:second"))
        assert client.socket.recv(100) == b"6\r\nsecond\r\n"
        release(host, "stream", " end")
        assert client.socket.recv(100) == b"f\r\nhold:stream end\r\n0\r\n\r\n"
        assert client.call(b"next", host.path).body == b"next"


def test_answer_after_an_exception_goes_to_nobody(begin: Begin) -> None:
    host = begin()
    host.allow_log("threw")
    thrown = host.call(command("hold and throw", "refused"))
    assert (thrown.status, thrown.message) == (400, "refused")
    assert release(host, "refused").body == b"released"
    host.wait_for_log(r"done was called for request_id \d+, which has had its last answer already")
    assert host.call(b"next").body == b"next"


@pytest.mark.parametrize("options", COLUMNS, ids=str)
def test_ended_threads_are_answered(begin: Begin, options: dict[str, Value]) -> None:
    """At once; the thread is there for the next request."""
    host = begin(worker_threads=1, max_in_flight=1, **options)
    host.allow_log("pthread_exit")
    for _ in range(3):
        assert host.call(command("end")).status == 400
    assert host.call(b"next").body == b"next"


# Who waits for whom.


def test_one_thread_keeps_many_requests_under_way(begin: Begin, tmp_path: Path) -> None:
    """As many as --max-in-flight says; what waits beyond is --max-queue-size, and one more answers 450."""
    host = begin(worker_threads=1, max_in_flight=10, max_queue_size=3)
    host.allow_log("450|SIGKILL")
    with ExitStack() as clients:
        held = hold(host, clients, *(f"number {number}" for number in range(10)), once=tmp_path)
        waiting = []
        for number in range(3):
            waiting.append(clients.enter_context(host.ask(b"waits %d" % number)))
            host.wait_queue(number + 1)
        with host.connect() as client:
            for _ in range(3):  # the last ones on the data plane's fast path
                assert client.call(b"too many", host.path).status == 450
        host.wait_for_log("10 requests wait for their answers")
        held[0].reset()  # nobody waits, but the processor has it still
        host.wait_for_log("499")
        with host.connect() as client:
            assert client.call(b"too many", host.path).status == 450
        host.kill_worker()  # those that were waited for run again
        assert [client.read().body for client in held[1:]] == [b"again number %d" % number for number in range(1, 10)]
        assert [client.read().body for client in waiting] == [b"waits 0", b"waits 1", b"waits 2"]


def test_request_that_is_never_done_answers_408(begin: Begin) -> None:
    """Its answer comes too late, and does no harm; its place is free then."""
    host = begin(keepalive=500, worker_threads=1, max_in_flight=1, hang_timeout=0)
    host.allow_log("408")
    assert host.call(command("hold", "late")).status == 408
    # The only place is taken by a request that is never done: the worker is replaced, as one whose threads all hang.
    host.expect_log(
        r"all 1 places \(--max-in-flight\) are taken by requests that nobody waits for any more; it is killed"
    )
    host.allow_log("SIGKILL|stuck|ended")
    with ExitStack() as clients:
        client = clients.enter_context(host.ask(b"next"))
        assert client.read().status in (200, 408)


@pytest.mark.parametrize("options", COLUMNS, ids=str)
def test_failure_to_cancel_is_logged_and_the_next_is_told_of(begin: Begin, options: dict[str, Value]) -> None:
    """An exception, and the end of the thread on which the library is told."""
    host = begin(**options)
    host.allow_log("499")
    with ExitStack() as clients:
        for client, name in zip(hold(host, clients, "throws", "ends", "last"), ("throws", "ends", "last"), strict=True):
            client.reset()
            host.wait_for_log(f"cancelled {name}$")
        for name in ("throws", "ends", "last"):
            assert release(host, name).status == 200
    host.expect_log(r"eas_async_cancel threw std::runtime_error: cannot be cancelled")
    host.wait_for_log(r"at eas_async_cancel \(.*answers_later\.cc:\d+\)")


def test_slow_client_keeps_no_thread_of_the_host(begin: Begin) -> None:
    """It stops the thread that sends it parts, until it has read them, or left."""
    host = begin(worker_threads=1, max_in_flight=2)
    with ExitStack() as clients:
        slow = [clients.enter_context(host.connect()) for _ in range(2)]
        for number, client in enumerate(slow):
            client.send(request(path=host.path, body=command("parts", "100:100000")))
            assert b"200 OK" in read_head(client)
            if number == 0:
                assert host.call(b"next").body == b"next"
        waits = clients.enter_context(host.ask(b"waits"))
        host.wait_queue(1)
        slow[1].reset()
        assert waits.read().body == b"waits"
        size = 0
        while chunk := int(line := read_line(slow[0]), 16):
            size += chunk
            read_exactly(slow[0], chunk + 2)
        assert line == b"0"
        assert size == 10_000_000


def read_line(client: Client) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        line += read_exactly(client, 1)
    return line[:-2]


def read_exactly(client: Client, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.socket.recv(size - len(data))
        assert more, f"the connection ended after {data!r}"
        data += more
    return data


# What fails.


def test_bad_output_of_done_is_a_failure_of_its_request(begin: Begin, tmp_path: Path) -> None:
    """Though a thread of the processor crashes over it: the host knows which request that thread was answering."""
    host = begin(worker_threads=1)
    host.allow_log(DIES)
    with ExitStack() as clients:
        held = hold(host, clients, "innocent", once=tmp_path)
        assert host.call(command("bad pointer")).status == 500
        assert held[0].read().body == b"again innocent"
    host.wait_for_log("while it ran POST .*: the host was reading the output that `done` was given, 0x")


def test_begun_answer_is_cut_and_not_repeated(begin: Begin, tmp_path: Path) -> None:
    """By the end of its worker, and by an error: the client sees that it is not whole. Others run again."""
    host = begin(worker_threads=1)
    host.allow_log(DIES + "|no answer")
    with ExitStack() as clients:
        (failed,) = hold(host, clients, "fails")
        host.call(command("part", "fails:one"))
        host.call(command("fail", "fails"))
        with pytest.raises(ConnectionEnded):
            failed.read()
        begun, other = hold(host, clients, "begun", "other", once=tmp_path)
        host.call(command("part", "begun:one"))
        assert b"200 OK" in read_head(begun)
        host.kill_worker()
        assert other.read().body == b"again other"
        assert b"".join(iter(lambda: begun.socket.recv(1000), b"")) == b"3\r\none\r\n"


# What is seen of it.


def test_batches_have_no_effect(begin: Begin) -> None:
    """EAS prefers async_process, and so does the host."""
    host = begin(batching="adaptive")
    host.wait_for_log("batching has no effect: the library exports async_process")
    assert host.call(b"x").body == b"x"


def test_explanations_and_metrics_count_it(begin: Begin) -> None:
    host = begin(explain=True)
    answer = host.call(command("status", "404:none"))
    assert answer.get("X-Processor-Status") == "404"
    assert re.search(r"call;dur=[\d.]+", answer.get("Server-Timing") or "")
    metrics = host.call(None, "/api/builtin/metrics", "GET").text
    assert re.search(r"^eas_host_\w*requests_total\{.*404.*\} 1", metrics, re.MULTILINE), metrics
