"""
Limits: how large, how many and how long requests may be, and what a client beyond them is answered.
"""

from __future__ import annotations

import pytest

from support import proc
from support.columns import LANGUAGES, columns
from support.gate import Gate
from support.host import Host, StartHost
from support.ways import AFTER, all_ways
from support.wire import Client, Response, chunked, command, request

pytestmark = [pytest.mark.shared_hosts, pytest.mark.real_starts]

MAX_BODY = 1 << 20
HOST_OPTIONS = {"max_body": "1MiB", "keepalive": 60_000}
CHUNKED = [("Transfer-Encoding", "chunked")]


# How large. The shared host takes bodies up to 1 MiB.


def announce(size: int, *more: tuple[str, str]) -> bytes:
    """The head of a request with a body of *size*, without the body."""
    return request(headers=[*more, ("Content-Length", str(size))])


@columns("cpp-process")
def test_body_of_the_maximum_size_is_accepted(host: Host) -> None:
    body = bytes(MAX_BODY)
    with host.connect() as client:
        assert client.call(body).body == body
        answer = client.send(request(headers=CHUNKED) + chunked(body, 60_000)).read()
        assert (answer.status, answer.body == body) == (200, True)


@columns("cpp-process")
@pytest.mark.parametrize(
    "size", [MAX_BODY + 1, 1 << 30, 1 << 40, (1 << 63) - 1], ids=["1 more", "1 GiB", "1 TiB", "2^63-1"]
)
def test_announced_body_above_the_maximum_answers_413_and_closes(host: Host, size: int) -> None:
    """The client has not sent a byte of the body; it may be on its way."""

    def check(answer: Response) -> None:
        assert answer.status == 413
        assert str(MAX_BODY) in answer.text or "1 MiB" in answer.text or "max-body" in answer.text

    all_ways(host, announce(size), check, closes=True)


@columns("cpp-process")
def test_expect_100_continue_with_too_large_a_body_answers_413(host: Host) -> None:
    """The client is not told to go on."""
    all_ways(
        host,
        announce(MAX_BODY + 1, ("Expect", "100-continue")),
        lambda answer: check_status(answer, 413),
        closes=True,
    )


def check_status(answer: Response, status: int) -> None:
    assert answer.status == status, answer


@columns("cpp-process")
def test_chunked_body_above_the_maximum_answers_413(host: Host) -> None:
    """The answer comes as soon as the body is too large, though the client is still sending."""
    with host.connect() as client:
        client.send(request(headers=CHUNKED) + chunked(bytes(MAX_BODY + 1), 50_000))
        assert client.read().status == 413
        assert client.is_closed()
    with host.connect() as client:
        client.send(request(headers=CHUNKED) + b"%x\r\n" % (MAX_BODY + 1) + bytes(MAX_BODY + 1))
        assert client.read().status == 413
        assert client.is_closed()


CHUNK_LINES = {
    "plain": b"%x\r\n",
    "in capitals": b"%X\r\n",
    "with zeros": b"0000000%x\r\n",
    "with an extension": b"%x;a=b\r\n",
    "with a long extension": b'%x;a="' + b"b" * 1000 + b'"\r\n',
    "behind another": b"4\r\nbody\r\n%x\r\n",
    "behind one that looks like a line": b"a\r\n1\r\n2\r\n3\r\nx\r\n%x\r\n",
}


@columns("cpp-process")
@pytest.mark.parametrize("size", [MAX_BODY + 1, 1 << 30, (1 << 63) - 1], ids=["1 more", "1 GiB", "2^63-1"])
@pytest.mark.parametrize("line", CHUNK_LINES.values(), ids=CHUNK_LINES)
def test_announced_chunk_above_the_maximum_answers_413(host: Host, line: bytes, size: int) -> None:
    """Nothing or little of the chunk is sent; chunks before it count, too."""
    for more in (b"", b"x", b"\r\n"):
        all_ways(
            host, request(headers=CHUNKED) + line % size + more, lambda answer: check_status(answer, 413), closes=True
        )


@columns("cpp-process")
def test_chunks_that_are_together_above_the_maximum_answer_413(host: Host) -> None:
    with host.connect() as client:
        client.send(request(headers=CHUNKED) + b"%x\r\n" % MAX_BODY + bytes(MAX_BODY))
        assert client.is_silent()
        client.send(b"\r\n2\r\n")
        assert client.read().status == 413
        assert client.is_closed()


@columns("cpp-process")
def test_large_chunk_of_a_wrong_method_answers_405(host: Host) -> None:
    """A request that is refused anyway is told why."""
    with host.connect() as client:
        client.send(request("DELETE", headers=CHUNKED) + b"%x\r\nx" % (MAX_BODY + 1))
        assert client.read().status == 405
        assert client.is_closed()


@columns("cpp-process")
def test_chunk_content_is_not_taken_for_a_chunk_size(host: Host) -> None:
    """The packets are cut at many places."""
    body = b"\r\nffffffff\r\nffffffff;x\r\n" * 3
    for size in (1, 2, 5, 7, 10, 11, 12, 24, 72):
        data = request(headers=CHUNKED) + chunked(body, size)
        all_ways(host, data, lambda answer: check_body(answer, body), closes=False)
        for cut in range(len(data) - 60, len(data)):
            with host.connect() as client:
                client.send(data[:cut])
                client.send(data[cut:])
                check_body(client.read(), body)


def check_body(answer: Response, body: bytes) -> None:
    assert (answer.status, answer.body) == (200, body), answer


@columns("cpp-process")
def test_refused_bodies_take_no_memory(host: Host) -> None:
    """100 MiB of refused bodies pass by; the front holds none of it."""
    before = proc.holdings(host.pid).anonymous
    for _ in range(20):
        with host.connect() as client:
            client.send(announce(5 << 20))
            client.send_until_refused(bytes(5 << 20))
            assert client.read().status == 413
    assert host.call(b"next").body == b"next"
    assert proc.holdings(host.pid).anonymous - before < 30 << 10


@columns("cpp-process")
@pytest.mark.parametrize("length", [9000, 20_000, 200_000])
def test_long_target_answers_414_and_closes(host: Host, length: int) -> None:
    with host.connect() as client:
        client.send_until_refused(request("GET", "/" + "u" * length) + AFTER)
        assert client.read().status == 414
        assert client.is_closed()


@columns("cpp-process")
def test_target_of_8000_bytes_is_accepted(host: Host) -> None:
    """RFC 9110, section 4.1: at least 8000 bytes should be understood."""
    assert host.call(b"long", "/" + "u" * 7900).body == b"long"


HEADS = {
    "one large header": [("X-Large", "v" * 100_000)],
    "many headers": [(f"X-{number}", "value") for number in range(10_000)],
    "a long name": [("X" * 100_000, "v")],
}


@columns("cpp-process")
@pytest.mark.parametrize("headers", HEADS.values(), ids=HEADS)
def test_large_head_answers_431_and_closes(host: Host, headers: list[tuple[str, str]]) -> None:
    with host.connect() as client:
        client.send_until_refused(request(body=b"x", headers=headers) + AFTER)
        assert client.read().status == 431
        assert client.is_closed()


@columns("cpp-process")
def test_endless_head_answers_431_at_the_limit(host: Host) -> None:
    with host.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
        for number in range(100_000):
            if not client.is_silent():
                break
            client.send_until_refused(b"X-%d: value\r\n" % number)
        assert client.read().status == 431
        assert client.is_closed()


@columns("cpp-process")
def test_head_with_a_browsers_cookies_is_accepted(host: Host) -> None:
    data = request(body=b"body", headers=[(f"X-Header-{number}", "v" * 200) for number in range(30)])
    all_ways(host, data, lambda answer: check_status(answer, 200), closes=False)


# How many.


def warm_clients(host: Host, count: int) -> list[Client]:
    """Connections that have served already, so that what is sent on them is read in the order of sending."""
    clients = [host.connect() for _ in range(count)]
    for client in clients:
        assert client.call(b"hello").body == b"hello"
    return clients


def has_read(host: Host) -> None:
    """Waits until what was sent is read: a new connection takes a turn of the loop more than an old one."""
    assert host.call(b"", "/api/builtin/none").status == 404


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_full_queue_answers_450(start: StartHost, gate: Gate, isolation: str) -> None:
    """With --max-queue-size 3 one request runs, three wait, and the next one is refused at once."""
    host = start(worker_threads=1, max_queue_size=3, keepalive=60_000, isolation=isolation)
    clients = warm_clients(host, 6)
    clients[0].send(request(body=gate.command(b"0")))
    gate.wait_entered()
    for number in (1, 2, 3):
        clients[number].send(request(body=gate.command(b"%d" % number)))
    has_read(host)
    for refused in clients[4:]:
        answer = refused.call(b"too much")
        assert answer.status == 450
        assert answer.body.strip()
    gate.release(4)
    assert [client.read().text for client in clients[:4]] == ["0", "1", "2", "3"]
    for client in clients[:4]:
        assert client.call(b"again").body == b"again"
    for client in clients:
        client.close()


def test_queue_keeps_the_order_of_arrival(start: StartHost, gate: Gate) -> None:
    host = start(worker_threads=1, keepalive=60_000)
    clients = warm_clients(host, 30)
    for number, client in enumerate(clients):
        client.send(request(body=gate.command(b"%d" % number)))
        has_read(host)
    gate.release(30)
    assert [client.read().text for client in clients] == [str(number) for number in range(30)]
    assert [event.body for event in gate.wait_entered(30)] == [str(number) for number in range(30)]
    for client in clients:
        client.close()


@pytest.mark.parametrize("threads", [1, 12])
@pytest.mark.parametrize("language", LANGUAGES)
def test_as_many_requests_run_at_once_as_there_are_worker_threads(
    start: StartHost, gate: Gate, language: str, threads: int
) -> None:
    """One more request waits."""
    host = start(language, worker_threads=threads, keepalive=60_000)
    clients = [host.ask(gate.command(b"%d" % number)) for number in range(threads + 1)]
    gate.wait_entered(threads)
    first = gate.entries()[:threads]
    assert len(gate.catch_up()) == threads
    gate.release()
    gate.wait_entered(threads + 1)
    assert gate.events[threads].kind == "leave"
    assert len({event.body for event in (*first, gate.entries()[-1])}) == threads + 1
    gate.release(threads)
    for client in clients:
        assert client.read().status == 200
        client.close()


# How long. The limit is short here; nothing depends on how long it really takes.

QUICK = 400  # milliseconds


def expect_timeout(client: Client) -> None:
    """408 with a text, and the connection is closed."""
    answer = client.read()
    assert answer.status == 408, answer
    assert answer.body.strip()
    assert client.is_closed()
    client.close()


@pytest.mark.parametrize(
    "part",
    [b"P", b"POST / HT", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Le", announce(10), announce(10) + b"half"],
    ids=["one byte", "half a line", "half a head", "no body", "half a body"],
)
def test_slow_upload_answers_408(start: StartHost, part: bytes) -> None:
    """The time counts from the first byte, whatever the request has got to."""
    host = start(keepalive=QUICK)
    expect_timeout(host.connect().send(part))
    client = host.connect()
    assert client.call(b"good").status == 200
    expect_timeout(client.send(part))


def test_upload_byte_by_byte_gains_no_time(start: StartHost) -> None:
    host = start(keepalive=QUICK)
    client = host.connect().send(announce(1_000_000))
    while client.waits_for_an_answer(0.02):
        client.send_until_refused(b".")
    expect_timeout(client)


def test_idle_connection_does_not_time_out(start: StartHost) -> None:
    """A connection may be idle for longer than a request may take. Another connection's 408s are the clock."""
    host = start(keepalive=QUICK)
    with host.connect() as new, host.connect() as used:
        assert used.call(b"first").body == b"first"
        for _ in range(2):
            expect_timeout(host.connect().send(b"P"))
        assert new.call(b"idle until now").body == b"idle until now"
        assert used.call(b"second").body == b"second"


@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_slow_processor_answers_408_and_its_thread_serves_on(
    start: StartHost, gate: Gate, language: str, isolation: str
) -> None:
    """
    Over --keepalive: 408 and the end of the connection, for the one that runs and for the one that waits behind it. The
    processor cannot be interrupted; when it is done at last, its answer goes nowhere and its thread serves on.
    """
    host = start(language, worker_threads=2, keepalive=QUICK, isolation=isolation)
    running = host.ask(gate.command(b"too late"))
    gate.wait_entered()
    expect_timeout(running)
    gate.release()
    gate.wait_left()
    for number in range(20):
        assert host.call(b"%d" % number).body == b"%d" % number


def test_time_in_the_queue_counts_against_the_deadline(start: StartHost, gate: Gate) -> None:
    """A request that waited too long never reaches the processor."""
    host = start(worker_threads=1, keepalive=QUICK)
    running = host.ask(gate.command(b"running"))
    gate.wait_entered()
    waiting = host.ask(gate.command(b"waiting"))
    expect_timeout(running)
    expect_timeout(waiting)
    gate.release()
    gate.wait_left()
    assert host.call(b"next").body == b"next"
    assert [event.body for event in gate.catch_up()] == ["running", "running"]


def test_408_ends_the_connection_with_all_pipelined_requests(start: StartHost, gate: Gate) -> None:
    """The first of two takes too long."""
    host = start(keepalive=QUICK)
    client = host.connect().send(request(body=gate.command(b"slow")) + request(body=b"behind it"))
    gate.wait_entered()
    expect_timeout(client)


def test_worker_whose_threads_are_all_stuck_is_replaced(start: StartHost) -> None:
    """No language can interrupt a call that never returns; the host serves on."""
    host = start(worker_threads=2, keepalive=QUICK, max_queue_size=64)
    for _ in range(2):
        expect_timeout(host.ask(command("die", "spin")))
    host.expect_log("stuck")
    host.allow_log("SIGKILL")
    host.wait_for_log("is replaced|ready")
    answers = [host.call(b"again")]
    while answers[-1].status in (408, 503):  # asked before the new worker was ready
        answers.append(host.call(b"again"))
    assert answers[-1].body == b"again"
