"""
Streams of bytes that are requests, or nearly, and what a host answers to them.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from itertools import pairwise

from support.host import Host
from support.wire import chunked, request

SIZES = (5, 5, 5, 0, 17_000)  # the heads of answers of the same size are known
LARGE = (70_000, 300_000)  # larger than what is copied at once, and than what one read takes
USUAL = 0.8
SIMILAR = 0.4
JOINED = 0.2
NAMES = ("Date", "X-Trace", "Accept", "User-Agent", "Cookie", "X-Request-Id")
ODD_BYTES = ("\0", "\r", "\n", "\x0b", "\x7f", "\x80", "\xff")
INNER = request(body=b"inner")
DATE = re.compile(rb"Date: [^\r]*")
MAX_PIECES = 20
WORDS = (
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\0", b"\x80", b" ", b"\t", b":", b"0", b"0\r\n\r\n", b"HTTP/1.0"),
    *(b"Content-Length: 5", b"Content-Length:  5", b"Content-Length: +5", b"content-length: 18446744073709551617"),
    *(b"Transfer-Encoding: chunked", b"Connection: close", b"Expect: 100-continue"),
    b"POST /api/predict/contract HTTP/1.1",
)
LENGTHS = [("Content-Length", "3"), ("Content-Length", "4")]


def one(rng: random.Random) -> bytes:
    """A request, or what looks like one."""
    usual = [request(body=b"b" * rng.choice(SIZES)), request(body=INNER), request("GET", "/api/builtin/ping")]
    odd = [
        request(headers=[("Transfer-Encoding", "chunked")]) + chunked(INNER, rng.choice((7, 1000))),
        request(body=b"id", headers=[("X-Request-Id", str(rng.random()))]),
        request(body=INNER * (rng.choice(LARGE) // len(INNER))),
        request(body=b"date", headers=[("Date", str(rng.random()))]),
        b"\r\n" + request(body=b"after an empty line"),
        request(body=b"offer", headers=[("Upgrade", "h2c"), ("Connection", "Upgrade")]),
        request(body=b"cut short")[:-3],
        request(headers=LENGTHS) + b"abcd",
        request(body=b"the last one", headers=[("Connection", "close")]),
    ]
    return rng.choice(usual if rng.random() < USUAL else odd)


def similar(rng: random.Random, count: int) -> list[bytes]:
    """Requests of one client, which differ in the values of the same fields."""
    names = rng.sample(NAMES, rng.randint(1, 3))
    headers = [[(name, value(rng)) for name in names] for _ in range(count)]
    return [request(body=b"s" * rng.choice(SIZES), headers=own) for own in headers]


def value(rng: random.Random) -> str:
    """A value of a field, with a byte in it at times that may not be there."""
    text = "".join(rng.choices("aZ09 ,;=/\t", k=rng.randint(0, 12)))
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(ODD_BYTES) + text[at:] if rng.random() > USUAL else text


def pieces(rng: random.Random) -> list[bytes]:
    """A stream, cut where a request seems to begin, and anywhere."""
    count = rng.randint(1, 6)
    requests = similar(rng, count) if rng.random() < SIMILAR else [one(rng) for _ in range(count)]
    stream = b"".join(requests)
    begins = [match.start() for match in re.finditer(b"POST /", stream)]
    cuts = set(rng.sample(begins, rng.randint(0, len(begins))))
    cuts |= {rng.randrange(len(stream)) for _ in range(rng.choice((0, 0, 1, 3)))}
    edges = sorted({0, *cuts, len(stream)})
    return [stream[start:end] for start, end in pairwise(edges)]


@dataclass(frozen=True)
class Stream:
    """
    What one client sends.

    Attributes:
        pieces: each is sent as one.
        turns: how many requests of others are answered after each piece, so that the host reads the next one later.
        known: how many usual requests come first, so that the host knows their head.
    """

    pieces: tuple[bytes, ...]
    turns: tuple[int, ...]
    known: int

    def answers(self, host: Host) -> bytes | None:
        """What *host* sends back, without dates; None if it resets the connection, which may take an answer along."""
        with host.connect() as client, host.connect() as other:
            for _ in range(self.known):
                assert client.send(request(body=b"known")).read().body == b"known"
            try:
                for piece, times in zip(self.pieces, self.turns, strict=True):
                    client.send(piece)
                    for _ in range(times):
                        assert other.send(request(body=b"turn")).read().body == b"turn"
                client.half_close()
            except OSError:
                pass  # the host has refused what came before
            came = b""
            try:
                while data := client.socket.recv(65_536):
                    came += data
            except ConnectionResetError:
                return None
        return DATE.sub(b"", came)


def random_stream(rng: random.Random) -> Stream:
    sent = pieces(rng)
    return Stream(tuple(sent), tuple(rng.choice((0, 1, 2)) for _ in sent), rng.randint(0, 2))


def changed(rng: random.Random, stream: Stream, other: Stream) -> Stream:
    """*stream* with a few changes; a piece of the *other* may get into it."""
    pieces = list(stream.pieces)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(pieces))
        start = rng.randint(0, len(pieces[at]))
        end = min(len(pieces[at]), start + rng.choice((0, 1, 1, 2, 8, 40)))
        before, text, after = pieces[at][:start], pieces[at][start:end], pieces[at][end:]
        noise = bytes(rng.choices(range(256), k=len(text)))
        ways = (
            [before + rng.choice(WORDS) + after],
            [before + noise + after],
            [before + after],
            [before, text + after],
            [pieces[at], rng.choice(other.pieces)],
        )
        pieces[at : at + 1] = rng.choice(ways)
        if rng.random() < JOINED:
            pieces[at : at + 2] = [b"".join(pieces[at : at + 2])]
    kept = tuple(piece for piece in pieces if piece)[:MAX_PIECES] or (b"\r\n",)
    return replace(stream, pieces=kept, turns=tuple(rng.choice((0, 0, 1, 2)) for _ in kept))
