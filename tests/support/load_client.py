"""
A load client, run as a process of its own: many connections, each with one request at a time, and a record of
every answer.

    python load_client.py --port 8080 --connections 32 --plan echo [--count N] [--die HOW --every N]
        [--report N] [--file F]

Each request has a body that no other request has, so an answer that belongs to another request is seen.
Progress goes to standard output as one line per --report answers; the end, after --count answers or when
standard input is closed, is one line of JSON. It speaks to the transport directly (an asyncio.Protocol on
uvloop), for it shares two cores with the host that it loads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

MAGIC = b"\0\xff\0do "
EXAMPLES = 20  # wrong answers that are shown; the rest is counted
# Mixed sizes: mostly small, some beyond the ring's page and copy limits, few large. Weights, then sizes.
MIXED = ([60, 25, 10, 4, 1], [(0, 256), (256, 8192), (8192, 65536), (65536, 300_000), (1 << 20, 3 << 20)])


class AnswerRecord:
    """What was asked and what was answered, over all connections."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.asked = 0
        self.answered = 0
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.wrong_count = 0
        self.stopping = False
        self.open = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rng = random.Random(7)  # noqa: S311 - no secret depends on it
        self.padding = self.rng.randbytes(4 << 20)
        if options.plan == "text":
            self.padding = self.padding.hex().encode()
        self.file = options.file.read_bytes() if options.file else b""
        self.first = b""

    def next_body(self, connection: int) -> tuple[bytes, bytes | None]:
        """The next request's body, and its answer; None for a request that must fail."""
        self.asked += 1
        options = self.options
        unique = b"%d.%d." % (connection, self.asked)
        if options.every and self.asked % options.every == 0:
            return MAGIC + b"die:" + options.die.encode() + b":" + unique, None
        low, high = self.rng.choices(MIXED[1], MIXED[0])[0] if options.plan == "mixed" else (0, 200)
        size = self.rng.randrange(low, high)
        start = self.rng.randrange(0, len(self.padding) - size)
        body = unique + self.padding[start : start + size]
        return body, body

    def same_body(self) -> tuple[bytes, bytes | None]:
        """The same request each time; all answers must equal the first."""
        self.asked += 1
        return self.file, self.first

    def more(self) -> bool:
        return not self.stopping and (not self.options.count or self.asked < self.options.count)

    def note(self, what: str) -> None:
        self.wrong_count += 1
        if len(self.wrong) < EXAMPLES:
            self.wrong.append(what)

    def answer(self, status: int, body: bytes, expected: bytes | None) -> None:
        self.answered += 1
        self.statuses[status] += 1
        if self.file:
            self.first = self.first or body
            if status != 200 or body != self.first:
                self.note(f"{status} {body[:200]!r}")
        elif expected is None:
            if status != 500:
                self.note(f"{status} {body[:100]!r} for a request that must fail")
        elif self.options.plan == "versions":
            self.answer_of_version(status, body, expected)
        elif status != 200 or body != expected:
            self.note(f"{status} {body[:200]!r} ({len(body)} bytes) for {expected[:40]!r} ({len(expected)} bytes)")
        if self.answered % self.options.report == 0:
            print(f"answers {self.answered}", flush=True)

    def answer_of_version(self, status: int, body: bytes, expected: bytes) -> None:
        """Each part of the processor says its version: `7 7 7|` and the request's body."""
        versions, _, echoed = body.partition(b"|")
        self.versions.update({versions.decode("ascii", "replace"): 1})
        if status == 503 and self.options.unloadable is not None and self.options.unloadable.exists():
            return
        if status != 200 or echoed != expected or len(set(versions.split())) != 1:
            self.note(f"{status} {body[:200]!r} for {expected[:40]!r}")

    def connection_ended(self) -> None:
        self.open -= 1
        if self.open == 0 and not self.done.done():
            self.done.set_result(None)

    def summary(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "answered": self.answered,
            "statuses": self.statuses,
            "versions": self.versions,
            "wrong": self.wrong,
            "wrong_count": self.wrong_count,
        }


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, number: int, record: AnswerRecord) -> None:
        self.number = number
        self.record = record
        self.expected: bytes | None = None
        self.waiting = False
        self.parts: list[bytes] = []
        self.head = b""
        self.status = 0
        self.missing = 0  # bytes of the body that have not come
        self.in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's transport is one
        self.record.open += 1
        self.ask()

    def ask(self) -> None:
        if not self.record.more():
            self.transport.close()
            return
        record = self.record
        body, self.expected = record.same_body() if record.file else record.next_body(self.number)
        self.waiting = True
        self.transport.writelines([b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body), body])

    def data_received(self, data: bytes) -> None:
        if not self.waiting:
            self.record.note(f"an answer that nobody asked for: {data[:200]!r}")
            return
        if not self.in_body:
            data = self.head + data
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.head = head
                return
            self.head = b""
            self.status = int(head[9:12])
            at = head.lower().index(b"\r\ncontent-length:") + 17
            self.missing = int(head[at:].split(b"\r\n", 1)[0])
            self.in_body = True
        self.parts.append(data)
        self.missing -= len(data)
        if self.missing <= 0:
            self.finish()

    def finish(self) -> None:
        if self.missing < 0:
            self.record.note(f"more bytes than announced: {-self.missing}")
        self.in_body = self.waiting = False
        body = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        self.parts = []
        self.record.answer(self.status, body, self.expected)
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting:
            self.record.note(
                f"connection {self.number} ended without the answer to {(self.expected or b'')[:40]!r}: {exc}"
            )
        self.record.connection_ended()


async def main(options: argparse.Namespace) -> None:
    record = AnswerRecord(options)
    loop = asyncio.get_running_loop()
    stop = await loop.connect_read_pipe(lambda: UntilEnd(record), sys.stdin)
    record.open = 1  # this function, until all connections are made
    for number in range(options.connections):
        await loop.create_connection(partial(Connection, number, record), "127.0.0.1", options.port)
    record.connection_ended()
    await record.done
    stop[0].close()
    print(json.dumps(record.summary()), flush=True)


class UntilEnd(asyncio.Protocol):
    """Standard input: its end is the sign to stop."""

    def __init__(self, record: AnswerRecord) -> None:
        self.record = record

    def eof_received(self) -> None:
        self.record.stopping = True


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="load a host and check every answer")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--plan", choices=("echo", "text", "mixed", "versions"), default="echo")
    parser.add_argument("--file", type=Path, help="what each request has for a body, in place of a plan")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--die", default="")
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("--report", type=int, default=200)
    parser.add_argument("--unloadable", type=Path, help="while this file is there, 503 is a right answer, too")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.new_event_loop().run_until_complete(main(options()))
