"""
A stream of bytes is the same requests on each data plane, wherever it is cut, and whatever its bodies look like.
"""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from support import seeded_rng
from support.host import Host, StartHost
from support.wire import chunked, request

STREAMS = 100  # of each seed
SIZES = (5, 5, 5, 0, 17_000)  # the heads of answers of the same size are known
USUAL = 0.8
INNER = request(body=b"inner")
DATE = re.compile(rb"Date: [^\r]*")
LENGTHS = [("Content-Length", "3"), ("Content-Length", "4")]


def one(rng: random.Random) -> bytes:
    """A request, or what looks like one."""
    usual = [request(body=b"b" * rng.choice(SIZES)), request(body=INNER), request("GET", "/api/builtin/ping")]
    odd = [
        request(headers=[("Transfer-Encoding", "chunked")]) + chunked(INNER, rng.choice((7, 1000))),
        request(body=b"id", headers=[("X-Request-Id", str(rng.random()))]),
        request(body=b"date", headers=[("Date", str(rng.random()))]),
        b"\r\n" + request(body=b"after an empty line"),
        request(body=b"offer", headers=[("Upgrade", "h2c"), ("Connection", "Upgrade")]),
        request(body=b"cut short")[:-3],
        request(headers=LENGTHS) + b"abcd",
        request(body=b"the last one", headers=[("Connection", "close")]),
    ]
    return rng.choice(usual if rng.random() < USUAL else odd)


def pieces(rng: random.Random) -> list[bytes]:
    """A stream, cut where a request seems to begin, and anywhere."""
    stream = b"".join(one(rng) for _ in range(rng.randint(1, 6)))
    begins = [match.start() for match in re.finditer(b"POST /", stream)]
    cuts = set(rng.sample(begins, rng.randint(0, len(begins))))
    cuts |= {rng.randrange(len(stream)) for _ in range(rng.choice((0, 0, 1, 3)))}
    edges = [0, *sorted(cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def answers(host: Host, sent: list[bytes], turns: list[int], known: int) -> bytes:
    """What comes back, without dates, if *turns* requests of others are answered after each piece."""
    with host.connect() as client, host.connect() as other:
        for _ in range(known):
            assert client.send(request(body=b"known")).read().body == b"known"
        try:
            for piece, times in zip(sent, turns, strict=True):
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
            came += b"reset"
    return DATE.sub(b"", came)


@pytest.mark.parametrize("seed", range(3))
def test_streams_are_the_same_requests_on_each_plane(start: StartHost, seed: int) -> None:
    rng = seeded_rng(seed)
    hosts = [start(data_plane=plane) for plane in ("native", "uvloop")]
    for _ in range(STREAMS):
        sent = pieces(rng)
        turns = [rng.choice((0, 1, 2)) for _ in sent]
        known = rng.randint(0, 2)
        native, uvloop = (answers(host, sent, turns, known) for host in hosts)
        if b"reset" not in native + uvloop:  # it takes an answer along, or does not
            assert native == uvloop, sent
