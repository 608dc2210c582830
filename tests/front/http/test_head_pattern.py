"""
A template of the data plane matches what the pattern of the same head matches, and the parser reads what they say.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import httptools
import pytest

from eas_host.front.http.head_pattern import describe, whole
from eas_host.ring import FrontRing, RingSize
from eas_host.ring.plane import DATA, REQUEST, SUBMITTED, NativePlane
from support import seeded_rng

HEAD = (
    b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: x (y; z)\r\nDate: today\r\nX-Empty:\r\ncontent-length: 5\r\n"
    b"Content-Type: t\r\n\r\n"
)
FIXED = frozenset({b"host", b"content-type", b"transfer-encoding", b"connection"})
READ = {b"content-length": ("content_length", rb"[0-9]{1,9}")}
BODY = b"12345"
PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"0",
    b"5",
    b"\x7f",
    b"\xff",
    b"\r\n ",
    b"\r\nTransfer-Encoding: chunked",
)
ROUNDS = 6000

Verdict = Callable[[bytes], bool]


class Judge:
    """A plane with one connection and one template: tells what it would submit, and takes that back."""

    def __init__(self, template: bytes, body_size: int = 0) -> None:
        self.ring = FrontRing(RingSize(slots=2, workers=1, threads=1, max_body=4096, max_output=16))
        self.ring.set_capacity(1)
        self.plane = NativePlane()
        self.client, self.accepted = socket.socketpair()
        self.accepted.setblocking(False)
        self.connection = self.plane.add(self.accepted.fileno())
        self.number = self.plane.attach(self.ring)
        self.plane.allow(True)
        self.plane.learn(self.connection, self.number, template, body_size, 4096)

    def submits(self, data: bytes) -> bool:
        self.plane.arm(self.connection)
        self.client.sendall(data)
        ((kind, _, offset, size, _),) = self.plane.turn(1)
        if kind == DATA:
            assert self.plane.buffer[offset : offset + size] == data
            return False
        assert kind == SUBMITTED
        self.plane.hand_up(self.connection)
        ((kind, _, slot, size, _),) = self.plane.take()
        assert kind == REQUEST
        assert self.ring.input(slot, size) == data[len(data) - size :]
        assert self.ring.cancel(slot)
        return True

    def close(self) -> None:
        self.plane.detach(self.number)
        self.plane.close()
        self.ring.close()
        self.client.close()
        self.accepted.close()


@pytest.fixture
def judge() -> Iterator[Callable[..., Judge]]:
    made: list[Judge] = []

    def make(template: bytes, body_size: int = 0) -> Judge:
        made.append(Judge(template, body_size))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Parsed:
    """What the parser makes of one request."""

    def __init__(self, data: bytes) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.url = self.body = b""
        self.requests = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method = parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.requests += 1


def test_template_and_pattern_agree_about_damaged_requests(judge: Callable[..., Judge]) -> None:
    """What both take for a request like the first one, the parser takes for the same request with other values."""
    described = describe(HEAD, FIXED, READ)
    assert described is not None
    pattern = described.compile()
    plane = judge(described.template())
    first = Parsed(HEAD + BODY)
    rng = seeded_rng("damaged heads")
    taken = 0
    for _ in range(ROUNDS):
        data = HEAD + BODY
        for _ in range(rng.randint(0, 2)):
            at = rng.randrange(len(data))
            data = data[:at] + rng.choice(PIECES) + data[at + rng.randint(0, 3) :]
        found = pattern.match(data)
        like = found is not None and len(data) - found.end() == int(found["content_length"])
        assert plane.submits(data) == like, data
        if like:
            taken += 1
            parsed = Parsed(data)
            assert (parsed.requests, parsed.method, parsed.url) == (1, b"POST", first.url)
            assert found is not None
            assert parsed.body == data[found.end() :]
            assert [name for name, _ in parsed.fields] == [name for name, _ in first.fields]
            assert [field for field in parsed.fields if field[0] in FIXED] == [
                field for field in first.fields if field[0] in FIXED
            ]
    assert 0 < taken < ROUNDS


def test_whole_head_matches_itself_alone(judge: Callable[..., Judge]) -> None:
    plane = judge(whole(HEAD), len(BODY))
    assert plane.submits(HEAD + b"other")
    for data in (HEAD, HEAD + BODY + b"x", HEAD.replace(b"today", b"later") + BODY, HEAD + BODY + HEAD + BODY):
        assert not plane.submits(data)


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nA: 1\r\na: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n",
        b"POST / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
    ],
)
def test_odd_heads_are_not_described(head: bytes) -> None:
    assert describe(head, FIXED, READ) is None
