"""
A head that is not parsed, since it is like the last one of its connection, is decided about as the parser would.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from support import seeded_rng
from support.host import StartHost
from support.signing import md5, sign
from support.wire import Client, command

DAMAGED = 150
pytestmark = pytest.mark.shared_hosts
WORD = "secret"
DATE = re.compile(rb"\r\nDate: .*")
ODD = (b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"0", b"\xff", b"\r\n ", b"\r\nContent-Length: 3", b"\r\n\r\n")
USUAL = [
    ("Host", "127.0.0.1"),
    ("Content-Type", "application/json"),
    ("Date", "Sun, 29 Nov 2026 10:00:00 GMT"),
    ("Authorization", WORD),
    ("X-Request-Id", "first"),
    ("Traceparent", "00-1-1-00"),
]


def head_of(fields: list[tuple[str, str]], body: bytes, line: str = "POST / HTTP/1.1") -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in fields), f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def changed(fields: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [(other, value if other == name else old) for other, old in fields]


@pytest.fixture
def known(start: StartHost) -> Iterator[Client]:
    """A connection that has sent one request, whose head is `USUAL`."""
    with start().connect() as client:
        assert client.send(head_of(USUAL, b"first")).read().body == b"first"
        yield client


@pytest.mark.parametrize("name", ["Date", "Authorization", "X-Request-Id", "Traceparent"])
@pytest.mark.parametrize("body", [b"", b"a longer body", bytes(60_000)])
def test_each_body_comes_back_whatever_differs(known: Client, name: str, body: bytes) -> None:
    for number in range(3):
        sent = body + b"%d" % number
        assert known.send(head_of(changed(USUAL, name, f"value {number}"), sent)).read().body == sent


def test_request_in_pieces_is_parsed(known: Client) -> None:
    """A connection whose head is known has no parser any more until it needs one."""
    for sent in (b"first byte by byte", b"again"):
        assert known.send_bytewise(head_of(USUAL, sent)).read().body == sent
        assert known.send(head_of(USUAL, b"whole")).read().body == b"whole"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (head_of(changed(USUAL, "Host", "a b"), b"x"), 400),
        (head_of(USUAL, b"x", "DELETE / HTTP/1.1"), 405),
        (head_of(USUAL, b"x", "POST / HTTP/1.2"), 400),
        (head_of([*USUAL, ("Expect", "nothing")], b"x"), 417),
        (head_of([*USUAL, ("Content-Length", "7")], b"x"), 400),
        (head_of([*USUAL, ("Transfer-Encoding", "gzip")], b"x"), 400),
        (head_of(USUAL, b"x").replace(b"Length: 1", b"Length: -1"), 400),
        (head_of(USUAL, b"x").replace(b"Length: 1", b"Length: 1x"), 400),
        (head_of(changed(USUAL, "Date", "a\0b"), b"x"), 400),
        (head_of(changed(USUAL, "Traceparent", "a\nb"), b"x"), 400),
        (head_of(changed(USUAL, "Traceparent", "a\r\nNo field"), b"x"), 400),
        (head_of(changed(USUAL, "Traceparent", "a\r\nTransfer-Encoding: gzip"), b"x"), 400),
    ],
)
def test_head_that_must_be_refused_is_refused(start: StartHost, head: bytes, status: int) -> None:
    """Also after requests whose heads were taken for like."""
    host = start()
    with host.connect() as client, host.connect() as fresh:
        for number in range(3):
            assert client.send(head_of(USUAL, bytes(number))).read().status == 200
        answers = [client.send(head).read(), fresh.send(head).read()]
    assert [answer.status for answer in answers] == [answers[1].status] * 2
    assert answers[0].body == answers[1].body
    assert answers[0].status == status, answers[0]


def test_length_above_the_limit_is_refused(start: StartHost) -> None:
    with start(max_body="1KiB").connect() as client:
        assert client.send(head_of(USUAL, bytes(1000))).read().status == 200
        assert client.send(head_of(USUAL, bytes(1024))).read().status == 200
        assert client.send(head_of(USUAL, bytes(1025))).read().status == 413


def test_several_requests_in_one_piece_are_all_answered(known: Client) -> None:
    known.send(head_of(USUAL, b"a") + head_of(changed(USUAL, "Date", "later"), b"bc") + head_of(USUAL, b"d"))
    assert [known.read().body for _ in range(3)] == [b"a", b"bc", b"d"]


def test_request_in_pieces_is_answered(known: Client) -> None:
    whole = head_of(changed(USUAL, "Date", "later"), b"in pieces")
    for end in (10, len(whole) - 9, len(whole) - 1):
        known.send(whole[:end])
        assert known.send(whole[end:]).read().body == b"in pieces"


def test_wrong_token_is_refused_after_the_right_one(start: StartHost) -> None:
    with start(token=WORD).connect() as client:
        for body in (b"a", b"bc", b"def"):
            assert client.send(head_of(changed(USUAL, "Date", f"day {len(body)}"), body)).read().body == body
        assert client.send(head_of(changed(USUAL, "Authorization", "public"), b"d")).read().status == 401
        assert client.send(head_of(USUAL, b"efg")).read().body == b"efg"


def signed(body: bytes, date: str, of: bytes | None = None) -> bytes:
    """A request that is signed for the body *of*, by default for its own."""
    digest = md5(body if of is None else of)
    authorization = sign(WORD, "/", digest, "application/json", date)
    fields = changed(changed(USUAL, "Date", date), "Authorization", authorization)
    return head_of([*fields, ("Content-MD5", digest)], body)


def test_signature_is_checked_for_each_request(start: StartHost) -> None:
    """Another date and another body have a signature of their own."""
    with start(token=WORD).connect() as client:
        for number in range(4):
            body = b"x" * number
            assert client.send(signed(body, f"day {number}")).read().body == body
        forged = [
            signed(b"other", "day 5", of=b"these"),
            signed(b"x", "day 6").replace(b"day 6", b"day 7"),
            signed(b"x", "day 8").replace(b"EAS ", b"EAS a"),
        ]
        for wrong in forged:
            assert client.send(wrong).read().status == 401
            assert client.send(signed(b"between", "day 9")).read().body == b"between"


def test_signature_without_a_digest_covers_no_body(start: StartHost) -> None:
    """As it covers none, a body may not follow the same head either."""
    authorization = sign(WORD, "/", "", "application/json", "today")
    fields = changed(changed(USUAL, "Date", "today"), "Authorization", authorization)
    with start(token=WORD).connect() as client:
        for _ in range(3):
            assert client.send(head_of(fields, b"")).read().status == 200
        assert client.send(head_of(fields, b"x")).read().status == 401


def test_log_names_the_id_of_the_request_that_crashed(start: StartHost) -> None:
    host = start(worker_threads=1, no_retry=True)
    with host.connect() as client:
        for number in range(3):
            body = command("die:abort") if number == 2 else b"x" * number
            client.send(head_of(changed(USUAL, "X-Request-Id", f"id-{number}"), body)).read()
    host.expect_log(r"\bid-2\b")


def test_damaged_head_is_answered_as_on_a_new_connection(start: StartHost) -> None:
    """The parser is never asked for what is taken for like, so nothing may be that it would read in another way."""
    host = start()
    host.allow_log("")
    for seed in range(DAMAGED):
        damaged = damage(seeded_rng(seed))
        with host.connect() as known, host.connect() as fresh:
            for body in (b"first", b"second one"):  # the second one is found to be like the first
                assert known.send(head_of(USUAL, body)).read().body == body
            answers = []
            for client in (known, fresh):
                client.send_until_refused(damaged).half_close()
                answers.append(DATE.sub(b"", client.read_to_end()))
        assert answers[0] == answers[1], (seed, damaged)


def damage(chance: random.Random) -> bytes:
    """A request like `USUAL`, in which some bytes are others, missing, or there twice."""
    data = bytearray(head_of(changed(USUAL, chance.choice(USUAL)[0], "another"), chance.randbytes(chance.randrange(9))))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 5)]
            case 2:
                data[at:at] = chance.choice(ODD)
            case 3:
                data[at:at] = data[at : at + chance.randrange(1, 40)]
    return bytes(data)
