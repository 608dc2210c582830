"""
The table of answers in parts: by `done`, by an Iterator, an InputStream or a Flow.Publisher, by a generator or an async
generator. Each part arrives when it is made; an answer that cannot be completed is cut, never repeated and never mixed
with another; and nobody but the processor pays for a client that is slow, or leaves.

The processors (answers_later.cc, PartsSource.java, streams.py, async_streams.py) take their parts from a pipe, so that
the test makes each of them. What only one form can do is in test_streams.py and test_streams_java.py.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from support.kinds import ENDS_THE_HOST, KindHost, StartKind, host, kinds, start_kind
from support.pipe import Pipe, pipe
from support.wire import Client

__all__ = ["host", "pipe", "start_kind"]

DIES = "SIGABRT|SIGKILL|System.exit"
LAST = b"0\r\n\r\n"


def read_first(client: Client, pipe: Pipe) -> None:
    """Has an answer begin, with the part "1"."""
    pipe.write(b"1")
    head = client.read_head()
    assert (head.status, head.get("Transfer-Encoding")) == (200, "chunked")
    assert client.read_chunk() == b"1"


def letters(parts: int, size: int) -> bytes:
    """What `parts` answers."""
    return b"".join(bytes([ord("a") + number % 26]) * size for number in range(1, parts + 1))


def check_next(host: KindHost) -> None:
    """Demands that another request is answered, in parts."""
    answer = host.call(b"parts:2:3")
    assert (answer.status, answer.body) == (200, b"bbbccc")


# What is sent.


@kinds("stream")
def test_each_part_arrives_when_it_is_made(host: KindHost, pipe: Pipe) -> None:
    """As a chunk of its own, in order; an empty one is no last chunk. The connection stays."""
    with host.ask(pipe.body, host.path) as client:
        read_first(client, pipe)
        for part in (b"2", b"0", b"3"):
            assert client.is_silent()
            pipe.write(part)
            if part != b"0":
                assert client.read_chunk() == part
        pipe.write(b"~")
        assert client.read_chunk() == b""
        assert client.call(b"parts:2:3", host.path).body == b"bbbccc"


@kinds("stream")
@pytest.mark.parametrize(("parts", "size"), [(0, 0), (3, 0), (1, 1), (3, 1_000_000), (20_000, 9)])
def test_all_parts_arrive(host: KindHost, parts: int, size: int) -> None:
    """None at all, empty ones, larger ones than there is room for, and many; again and again on one connection."""
    with host.connect() as client:
        for _ in range(3):
            answer = client.call(b"parts:%d:%d" % (parts, size), host.path)
            assert answer.status == 200
            assert (answer.body == letters(parts, size)) is True  # no diff of 3 MB


# What fails.

RAISED = {"java": "java.lang.IllegalStateException: in the midst", "python": "process raised ValueError: in the midst"}


@kinds("stream")
def test_failure_before_the_first_part_has_its_own_status(host: KindHost, pipe: Pipe) -> None:
    """As if the call itself had failed."""
    with host.ask(pipe.body) as client:
        pipe.write(b"!")
        answer = client.read()
    assert (answer.status, answer.message) == (400, "in the midst")
    if host.language in RAISED:
        host.expect_log(RAISED[host.language])
    assert "eas.host" not in host.new_log() + answer.text
    check_next(host)


@kinds("stream")
def test_failure_after_the_first_part_cuts_the_answer(host: KindHost, pipe: Pipe) -> None:
    """The client sees that it is not whole, and has nothing of the failure; the log has the user's frames."""
    host.allow_log("in the midst")
    with host.ask(pipe.body) as client:
        read_first(client, pipe)
        pipe.write(b"!")
        assert client.read_to_end() == b""
    host.wait_for_log(RAISED.get(host.language, "in the midst"))
    if host.language != "cpp":
        host.wait_for_log({"java": r"at PartsSource\.fail\(", "python": r"streams\.py.*, in gated"}[host.language])
    check_next(host)


@kinds("stream", ENDS_THE_HOST)
def test_crash_after_the_first_part_cuts_the_answer(host: KindHost, pipe: Pipe) -> None:
    """Nothing of it is sent again; a request that has not begun is answered."""
    host.allow_log(DIES)
    with host.ask(pipe.body) as client, ExitStack() as others:
        read_first(client, pipe)
        other = others.enter_context(host.ask(b"parts:2:3"))
        pipe.write(b"#")
        assert client.read_to_end() == b""
        assert other.read().body == b"bbbccc"
    check_next(host)


@kinds("stream", ENDS_THE_HOST)
def test_crash_before_the_first_part_costs_one_answer(host: KindHost, pipe: Pipe) -> None:
    """It may run again, since nothing of it was sent, and then answers 500 with what happened."""
    host.allow_log(DIES)
    with host.ask(pipe.body) as client:
        pipe.write(b"#")
        host.wait_for_log(DIES)
        pipe.write(b"#")
        answer = client.read()
    assert answer.status == 500
    assert ("System.exit(3)" if host.language == "java" else "SIGABRT") in answer.text
    check_next(host)


@kinds("stream", ENDS_THE_HOST)
def test_kill_of_the_worker_cuts_the_answer(host: KindHost) -> None:
    """Of a client that is slow, too; what was sent is of one answer."""
    host.allow_log(DIES)
    with host.ask(b"endless:slow:1000") as client:
        assert client.read_head().status == 200
        assert client.has_unread()
        host.kill_worker(number=signal.SIGKILL)
        rest = client.read_to_end()
    assert not rest.endswith(LAST)
    assert b"HTTP/1.1" not in rest
    if host.language != "java":  # which has other letters in each part
        assert set(rest) <= set(b"0123456789abcdef\r\nx")
    check_next(host)


# Who waits for whom.


@kinds("stream")
def test_time_counts_anew_with_each_part(start_kind: StartKind, pipe: Pipe) -> None:
    """An answer may take as long as it likes, but no part longer than --keepalive."""
    host = start_kind(keepalive=1000, worker_threads=2)
    host.allow_log("408|stuck|killed")
    with host.ask(pipe.body) as client:
        read_first(client, pipe)
        for _ in range(3):
            assert client.waits_for_an_answer(0.5)
            pipe.write(b"2")
            assert client.read_chunk() == b"2"
        assert client.read_to_end() == b""
    host.wait_for_log("408: POST .* took longer than 1000 ms")
    pipe.write(b"~")
    check_next(host)


@kinds("stream")
def test_client_that_leaves_harms_nobody(host: KindHost, pipe: Pipe) -> None:
    """Its next part goes to nobody, and the only thread is free."""
    host.allow_log("499")
    with host.ask(pipe.body) as client:
        read_first(client, pipe)
        client.reset()
    pipe.write(b"2~")
    check_next(host)


@kinds("stream")
def test_answer_without_an_end_is_closed_when_its_client_leaves(host: KindHost) -> None:
    """Whether it reads or not."""
    host.allow_log("499")
    for number, chunks in enumerate((1000, 0)):
        with host.ask(b"endless:%d:1000" % number) as client:
            assert client.read_head().status == 200
            for _ in range(chunks):
                assert client.read_chunk()
            assert client.has_unread()
            client.reset()
        host.wait_for_log(f"closed {number}")
    check_next(host)


@kinds("stream")
def test_slow_client_keeps_no_thread(host: KindHost) -> None:
    """The only one answers others meanwhile; then the slow client gets its own answer, whole."""
    with host.ask(b"parts:100:100000") as slow:
        assert slow.has_unread()
        for _ in range(20):
            check_next(host)
        assert (slow.read().body == letters(100, 100_000)) is True
