"""
Each answer goes to the request that it answers, and each request has its own body, whatever else is on its connection
and on others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from random import Random

import pytest

from support import seeded_rng
from support.columns import columns
from support.host import Host
from support.wire import Client, chunked, command, request

HOST_OPTIONS = {"worker_processes": 2, "keepalive": 120_000, "max_queue_size": 500}
CHUNKED = [("Transfer-Encoding", "chunked")]
CONNECTIONS = 8
ROUNDS = 30  # of up to 100 requests in one go


# Each answer is its own.


def named_body(rng: Random, connection: int, number: int) -> bytes:
    """A body that says whose it is. Most are small: they are answered out of one look at what is complete."""
    size = rng.choices([0, 30, 2000, 40_000], [3, 3, 1, 1])[0]
    return b"connection %d request %d." % (connection, number) + b"." * size


def in_some_form(rng: Random, body: bytes) -> bytes:
    """A request with *body*: with its length, or in chunks."""
    if rng.random() < 0.7:
        return request(body=body)
    return request(headers=CHUNKED) + chunked(body, rng.randint(1, len(body)))


def pipeline(host: Host, connection: int, wrong: list[str]) -> None:
    """Sends rounds of pipelined requests on one connection; what is answered wrongly goes to *wrong*."""
    rng = seeded_rng(connection)
    with host.connect() as client:
        number = 0
        for _ in range(ROUNDS):
            bodies = [named_body(rng, connection, number + offset) for offset in range(rng.choice([1, 2, 5, 30, 100]))]
            number += len(bodies)
            data = b"".join(in_some_form(rng, body) for body in bodies)
            # The host reads no further ahead than it likes, so somebody else has to send.
            sender = threading.Thread(target=client.send_until_refused, args=(data,), daemon=True)
            sender.start()
            for body in bodies:
                answer = client.read()
                if (answer.status, answer.body) != (200, body):
                    wrong.append(f"asked {body[:60]!r}, answered {answer}")
            sender.join()


@columns("process")
def test_concurrent_pipelines_get_their_own_answers_in_order(host: Host) -> None:
    """Eight connections get all of their answers."""
    wrong: list[str] = []
    unfinished: list[str] = []

    def run(connection: int) -> None:
        try:
            pipeline(host, connection, wrong)
        except (AssertionError, OSError) as error:
            unfinished.append(f"connection {connection}: {error!r}")

    threads = [threading.Thread(target=run, args=(connection,), daemon=True) for connection in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, unfinished) == ([], [])


# Each body is its own.

HEAD = b"POST /api/predict/contract HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"


@pytest.fixture
def client(host: Host) -> Iterator[Client]:
    with host.connect() as connected:
        yield connected


def answer(client: Client, data: bytes) -> bytes:
    """The body of the answer to *data*, which is one packet."""
    got = client.send(data).read()
    assert got.status == 200, got
    return got.body


@columns("cpp-process")
@pytest.mark.parametrize("body", [b"\r\nabc", b"abc\r\n", b"\r\n\r\na", b"a\r\n\r\n", b"\n\r\n\r\n"], ids=repr)
@pytest.mark.parametrize(
    ("before", "behind"), [(b"", b"\r\n"), (b"\r\n", b""), (b"", b""), (b"\r\n", b"\r\n")], ids=repr
)
def test_empty_lines_are_skipped_between_requests_and_kept_in_bodies(
    client: Client, before: bytes, behind: bytes, body: bytes
) -> None:
    """The third request of one kind is treated as the first."""
    for _ in range(4):
        assert answer(client, before + HEAD + body + behind) == body


@columns("cpp-process")
@pytest.mark.parametrize("first", [b"\r\nabc\r\n", b"\r\nabc", b"12345\r\n"], ids=repr)
def test_next_request_in_the_same_packet_is_not_part_of_the_body(client: Client, first: bytes) -> None:
    """The packet has a size that was seen before."""
    other = request("POST", "/other", b"of the other request")
    for body in (b"\r\nabc", b"fives"):
        assert answer(client, HEAD + first) == first[:5]
        assert answer(client, HEAD + body + other[:2]) == body
        assert answer(client, other[2:]) == b"of the other request"


@columns("cpp-process")
def test_body_length_holds_however_the_request_is_cut_into_packets(client: Client) -> None:
    """The head is known already."""
    data = HEAD + b"\r\nabc"
    for at in range(1, len(data)):
        assert answer(client, HEAD + b"fives") == b"fives"
        client.send(data[:at])
        assert answer(client, data[at:] + b"\r\n") == b"\r\nabc"


@columns("cpp-process")
def test_large_answer_keeps_its_place_in_a_pipeline(client: Client) -> None:
    """The answer is larger than what a connection takes at once; the other requests keep their bodies."""
    size = 3 << 20
    client.send(b"".join([request(body=b"1"), request(body=command("size", str(size))), HEAD + b"\r\nabc"]))
    assert [len(client.read().body) for _ in range(3)] == [1, size, 5]
    assert answer(client, HEAD + b"\r\nabc") == b"\r\nabc"
