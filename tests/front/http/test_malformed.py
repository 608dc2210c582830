"""
Bytes that are not a request answer 400 and end the connection, and do no more harm.
"""

from __future__ import annotations

import pytest

from support import seeded_rng
from support.columns import columns
from support.host import Host
from support.shapes import SHAPES
from support.ways import AFTER, all_ways, refuses
from support.wire import Response, chunked, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 2}
pytestmark = columns("cpp-process")

CHUNKS = request(headers=[("Transfer-Encoding", "chunked")])
MALFORMED = {
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "zeros": b"\0" * 64,
    "words": b"hello, is anybody there?\r\n\r\n",
    "version 9.9": b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol's version": b"GET / ICY/1.1\r\nHost: h\r\n\r\n",
    "a small method": b"post / HTTP/1.1\r\nHost: h\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost h\r\n\r\n",
    "a space before a colon": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 4\r\n\r\nbody",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: h\0h\r\n\r\n",
    "both framings": request(body=b"0\r\n\r\n", headers=[("Transfer-Encoding", "chunked")]),
    "both framings, the other way round": request(headers=[("Content-Length", "5"), ("Transfer-Encoding", "chunked")])
    + b"0\r\n\r\n",
    "two different lengths": request(body=b"body", headers=[("Content-Length", "5")]),
    "a list of different lengths": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 5\r\n\r\nbody!",
    "a negative length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    "a length with a sign": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nbody",
    "a length in hex": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\nbody",
    "a length that is a word": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: four\r\n\r\nbody",
    "a coding that nobody knows": request(headers=[("Transfer-Encoding", "secret")]),
    "identity, which ended in 2014": request(headers=[("Transfer-Encoding", "identity")]) + b"body",
    "chunked twice": request(headers=[("Transfer-Encoding", "chunked, chunked")]) + chunked(b"body", 4),
    "chunked in two lines": request(headers=[("Transfer-Encoding", "chunked")] * 2) + chunked(b"body", 4),
    "chunked with a parameter": request(headers=[("Transfer-Encoding", "chunked;q=1")]) + chunked(b"body", 4),
    "an empty Transfer-Encoding": request(headers=[("Transfer-Encoding", "")]) + chunked(b"body", 4),
    "chunks in HTTP/1.0": request(version="HTTP/1.0", headers=[("Transfer-Encoding", "chunked")]) + chunked(b"body", 4),
    "chunks in HTTP/1.0, kept alive": request(
        version="HTTP/1.0", headers=[("Connection", "keep-alive"), ("Transfer-Encoding", "chunked")]
    )
    + chunked(b"body", 4),
    "a folded header": b"POST / HTTP/1.1\r\nHost: h\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a folded Host": b"POST / HTTP/1.1\r\nHost: h\r\n\tmore\r\nContent-Length: 0\r\n\r\n",
    "a header folded into the request line": b"POST / HTTP/1.1\r\n Host: h\r\nContent-Length: 0\r\n\r\n",
    "chunked is not the last coding": request(headers=[("Transfer-Encoding", "chunked, gzip")]) + chunked(b"body", 4),
    "a chunk size that is none": CHUNKS + b"zz\r\nbody\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKS + b"-4\r\nbody\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKS + b"2\r\nbody\r\n0\r\n\r\n",
    "a chunk size above 2^64": CHUNKS + b"FFFFFFFFFFFFFFFFFF\r\nbody\r\n",
    "a chunk size that ends in spaces and words": CHUNKS + b"4 4\r\nbody\r\n0\r\n\r\n",
}


for no_host in (b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nX-Between: 1\r\nhost: b\r\n", b"Host:\r\nHost: a\r\n"):
    MALFORMED[f"the headers {no_host!r}"] = b"POST / HTTP/1.1\r\n" + no_host + b"Content-Length: 4\r\n\r\nbody"
MALFORMED["two Hosts in HTTP/1.0"] = b"POST / HTTP/1.0\r\nHost: a\r\nHost: b\r\nContent-Length: 4\r\n\r\nbody"
for bad_host in (
    b"a b",
    b"a, b",
    b"user@a",
    b"user:word@a",
    b"http://a",
    b"a/b",
    b"a?b",
    b"a#b",
    b"a:b",
    b"a:80:80",
    b":80",
    b"a%2",
    b"a%zz",
    b"a\\b",
    b"<a>",
    b"\xc3\xa4",
    b"::1",
    b"[::1",
    b"[::1]a",
    b"[::g]",
    b"[1.2.3.4]",
    b"[]",
    b"a" * 600 + b" a",
):
    MALFORMED[f"Host: {bad_host[:20]!r}"] = request(body=b"body").replace(b"Host: 127.0.0.1", b"Host: " + bad_host)
for bad_target in ("http://user@a/", "http://user:word@a/", "http:///", "http://a b/", "http://[::g]/", "http://a:b/"):
    MALFORMED[f"the target {bad_target}"] = request(path=bad_target, body=b"body")


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_answers_400_and_closes(host: Host, data: bytes) -> None:
    """Nobody knows where such a request ends."""
    all_ways(host, data, refuses(400), closes=True)
    assert host.call(b"next").body == b"next"


UNKNOWN_CODINGS = {
    "gzip below": request(headers=[("Transfer-Encoding", "gzip, chunked")]) + chunked(b"body", 4),
    "in lines of their own": request(headers=[("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")])
    + chunked(b"body", 4),
    "identity below": request(headers=[("Transfer-Encoding", "identity,chunked")]) + chunked(b"body", 4),
    "an empty one below": request(headers=[("Transfer-Encoding", ", chunked")]) + chunked(b"body", 4),
}


@pytest.mark.parametrize("data", UNKNOWN_CODINGS.values(), ids=UNKNOWN_CODINGS)
def test_unknown_transfer_coding_answers_501(host: Host, data: bytes) -> None:
    """The host knows where the body ends, but not what it is (RFC 9112, section 6.1)."""
    all_ways(host, data, refuses(501), closes=True)


def test_request_without_a_version_answers_400_or_505(host: Host) -> None:
    """HTTP/0.9 ended in 1996."""

    def check(answer: Response) -> None:
        assert answer.status in (400, 505), answer

    all_ways(host, b"GET /\r\n\r\n", check, closes=True)


def test_random_bytes_never_answer_500_or_hang(host: Host) -> None:
    """The host logs no error of its own, either."""
    rng = seeded_rng(20)
    seeds = [*SHAPES.values(), *MALFORMED.values(), AFTER * 3]
    for _ in range(400):
        data = bytearray(rng.choice(seeds) + rng.choice(seeds))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.choice([b"", b"\r\n", b"\0", b"0", b":", rng.randbytes(3)])
        with host.connect() as client:
            client.send(bytes(data))
            client.half_close()
            answer = client.read_to_end()
            assert b"HTTP/1.1 500" not in answer, bytes(data)
    assert host.call(b"next").body == b"next"
