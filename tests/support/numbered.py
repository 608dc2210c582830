"""
Requests whose answers can be told apart byte by byte, and clients that ask for them in all ways at once.

The body says all: `numbered NUMBER PARTS SIZE END`. Each part is its request's number, its own and the worker's
process, `7.0.4711 `, again and again up to SIZE bytes. So a part that is lost, doubled, mixed or of somebody else is
seen, and so is one that another process has made than the part before. What follows the last part is the END: `parts`
is an ordinary one; `whole` is the same answer in one piece, if the processor can; `fail` fails that request; `die` ends
its process. Processors that know it are called numbered, or Numbers....

An answer may be cut only if its worker is dead, and only where the death is one that the test has announced (`Deaths`).
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from support import TIMEOUT, seeded_rng
from support.host import Host
from support.wire import Client, ConnectionEnded, request

if TYPE_CHECKING:
    from typing_extensions import Self

# Parts, and the bytes of each: many small ones, few, one of many, and those that the ring holds no whole one of.
SHAPES = ((1, 30), (3, 300), (40, 3000), (1000, 40), (3, 150_000), (1, 400_000))
WEIGHTS = (8, 6, 4, 3, 2, 1)
SLOW_BUFFER = 4096
CUT = (ConnectionEnded, ConnectionResetError)


@dataclass(frozen=True)
class Numbered:
    """A request. An *end* may be "parts", "whole", "fail" or "die"."""

    number: int
    parts: int
    size: int
    end: str

    @property
    def body(self) -> bytes:
        return b"numbered %d %d %d %s" % (self.number, self.parts, self.size, self.end.encode())

    def answer(self, pid: int) -> bytes:
        """All bytes of the answer, if this process gives it."""
        labels = (b"%d.%d.%d " % (self.number, index, pid) for index in range(self.parts))
        return b"".join((label * (self.size // len(label) + 1))[: self.size] for label in labels)

    def maker(self, answer: bytes) -> int:
        """The process that has made *answer*, or its beginning; 0 if that is too short to say."""
        found = re.match(rb"%d\.0\.(\d+) " % self.number, answer)
        return int(found[1]) if found else 0

    def is_whole(self, answer: bytes) -> bool:
        return answer == self.answer(self.maker(answer))

    def is_beginning(self, answer: bytes) -> bool:
        pid = self.maker(answer)
        start = b"%d.0." % self.number
        if pid:
            return self.answer(pid).startswith(answer)
        return start.startswith(answer) or (answer.startswith(start) and answer[len(start) :].isdigit())


class Deaths:
    """Counts the deaths of workers that the test has caused: those that may have begun, and those that are over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._over = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Within this, workers may die."""
        with self._lock:
            self._begun += 1
        yield
        with self._lock:
            self._over += 1

    def over(self) -> int:
        with self._lock:
            return self._over

    def since(self, over: int) -> bool:
        """Whether there was one that was not among those that were *over*."""
        with self._lock:
            return self._begun > over


class NumberedClients:
    """
    Clients of *host*, each a thread of its own, which ask until the end of the `with`.

    Args:
        deaths: what may cut an answer.
        seed: of what they ask.
        threads: how many.
        poisoned: one request in so many fails, or ends its process; 0 for none.

    Attributes:
        ends: what came of requests, and how often.
    """

    def __init__(self, host: Host, deaths: Deaths, seed: object, *, threads: int = 6, poisoned: int = 0) -> None:
        self.ends: Counter[str] = Counter()
        self._host = host
        self._deaths = deaths
        self._poisoned = poisoned
        self._changed = threading.Condition()
        self._numbers = 0
        self._over = False
        self._wrong: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(seeded_rng(f"{seed} {thread}"),), daemon=True)
            for thread in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        for thread in self._threads:
            thread.join(2 * TIMEOUT)

    def wait_answers(self, more: int) -> None:
        """Waits for so many further requests to end, in any way, or for a wrong answer."""
        with self._changed:
            wanted = sum(self.ends.values()) + more
            came = self._changed.wait_for(lambda: self._wrong or sum(self.ends.values()) >= wanted, TIMEOUT)
        assert came, f"{more} more answers did not come; so far {self.ends}"
        assert not self._wrong, "\n".join(self._wrong)

    def check(self) -> None:
        """Demands, after the end, that nothing was wrong."""
        assert not self._wrong, "\n".join(self._wrong)
        assert not any(thread.is_alive() for thread in self._threads)

    # The clients.

    def _run(self, rng: Random) -> None:
        ways = (self._in_turn, self._in_a_pipeline, self._in_http_10, self._leave, self._slowly)
        try:
            while not self._over:
                if self._poisoned and rng.randrange(self._poisoned) == 0:
                    self._poison(rng)
                else:
                    rng.choices(ways, (6, 4, 1, 1, 1))[0](rng)
        except TimeoutError as error:
            self._note_wrong(f"{error}: {self._busy()}")
        except BaseException as error:  # noqa: BLE001  told by the test
            self._note_wrong(f"{type(error).__name__}: {error}")

    def _busy(self) -> str:
        """What the host does while a client waits in vain: its counters, its workers, and the end of its log."""
        counters = self._host.call(None, "/api/builtin/monitor", "GET").text
        return f"{counters}\nworkers {self._host.workers()}\n{self._host.log.text()[-5000:]}"

    def _next(self, rng: Random, *, end: str = "") -> Numbered:
        with self._changed:
            self._numbers += 1
            number = self._numbers
        parts, size = rng.choices(SHAPES, WEIGHTS)[0]
        return Numbered(number, parts, size, end or rng.choice(("parts", "parts", "whole")))

    def _ended(self, how: str) -> None:
        with self._changed:
            self.ends[how] += 1
            self._changed.notify_all()

    def _note_wrong(self, what: str) -> None:
        with self._changed:
            self._wrong.append(what)
            self._changed.notify_all()

    def _request(self, asked: Numbered, method: str = "POST", version: str = "HTTP/1.1") -> bytes:
        return request(method, self._host.path, asked.body, version=version)

    def _in_turn(self, rng: Random) -> None:
        """One after the other on one connection."""
        with self._host.connect() as client:
            for _ in range(rng.randint(1, 4)):
                asked, over = self._next(rng), self._deaths.over()
                client.send(self._request(asked))
                if not self._read(client, asked, over):
                    return
            assert client.is_silent(), "more than the answers"

    def _in_a_pipeline(self, rng: Random) -> None:
        """Several at once on one connection: an answer that is cut takes those behind it along."""
        with self._host.connect() as client:
            all_asked, over = [self._next(rng) for _ in range(rng.randint(2, 5))], self._deaths.over()
            methods = rng.choices(("POST", "HEAD"), (4, 1), k=len(all_asked))
            client.send(b"".join(map(self._request, all_asked, methods)))
            for asked, method in zip(all_asked, methods, strict=True):
                if not self._read(client, asked, over, method=method):
                    return
            assert client.is_silent(), "more than the answers"

    def _in_http_10(self, rng: Random) -> None:
        """The end of the connection is that of the answer: what is cut is reset."""
        asked, over = self._next(rng), self._deaths.over()
        with self._host.connect() as client:
            client.send(self._request(asked, version="HTTP/1.0"))
            head = client.read_head()
            assert head.status == 200, head
            body, closed = client.read_to_close_or_reset()
        if closed:
            self._check_whole(asked, body)
        else:
            self._check_cut(asked, body, over)

    def _leave(self, rng: Random) -> None:
        """Leaves before the answer, or in its midst."""
        with self._host.connect() as client:
            client.send(b"".join(self._request(self._next(rng)) for _ in range(rng.randint(1, 3))))
            if rng.random() < 0.7:
                came = client.socket.recv(rng.choice((1, 200, 70_000)))
                assert came.startswith(b"HTTP/1.1 200 "[: len(came)]), came
            if rng.random() < 0.5:
                client.reset()
        self._ended("left")

    def _slowly(self, rng: Random) -> None:
        """Another request is answered between the parts that are read."""
        asked, over = self._next(rng), self._deaths.over()

        def pause() -> None:
            if not self._over and rng.random() < 0.2:  # beside a thousand parts it would go on for minutes
                self._in_turn(rng)

        with Client(self._host.address, receive_buffer=SLOW_BUFFER) as client:
            client.send(self._request(asked))
            pause()
            self._read(client, asked, over, pause)

    def _poison(self, rng: Random) -> None:
        """One that fails, or ends its process, after its parts or at once: that is one answer."""
        asked = self._next(rng, end=rng.choice(("fail", "die")))
        if rng.random() < 0.5:
            asked = Numbered(asked.number, 0, 0, asked.end)
        with self._deaths.one(), self._host.connect() as client:
            head = client.send(self._request(asked)).read_head()
            if head.status != 200:
                assert head.status == (500 if asked.end == "die" else 400), head
                client.read_body(head)
                self._ended(asked.end)
                return
            body, whole, _ = read_chunks(client)
            assert not whole, f"an answer to {asked} that has an end: {body[:200]!r}"
            assert asked.is_beginning(body), f"{body[:200]!r} for {asked}"
            self._ended(f"{asked.end} in the midst")

    # Their answers.

    def _read(
        self,
        client: Client,
        asked: Numbered,
        over: int,
        pause: Callable[[], None] = lambda: None,
        method: str = "POST",
    ) -> bool:
        """Reads and checks the answer to *asked*. Returns whether it was whole."""
        head = client.read_head()  # an answer that has not begun is not cut
        assert head.status == 200, f"{head}{client.read_body(head)!r} for {asked}"
        if method == "HEAD":
            self._ended("head")
            return True
        if head.get("Transfer-Encoding") is None:
            self._check_whole(asked, client.read_body(head))
            return True
        body, whole, rest = read_chunks(client, pause)
        if whole:
            self._check_whole(asked, body)
        else:
            assert rest == b"", f"cut within a chunk: {rest[:200]!r} for {asked}"
            self._check_cut(asked, body, over)
        return whole

    def _check_whole(self, asked: Numbered, answer: bytes) -> None:
        assert asked.is_whole(answer), f"{shown(answer)} for {asked}"
        self._ended("whole")

    def _check_cut(self, asked: Numbered, answer: bytes, over: int) -> None:
        assert asked.is_beginning(answer), f"{shown(answer)} for {asked}, cut"
        assert self._deaths.since(over), f"{asked} was cut after {len(answer)} bytes, and no worker has died"
        pid = asked.maker(answer)
        assert pid not in self._host.workers(), f"{asked} was cut after {len(answer)} bytes, but worker {pid} lives"
        self._ended("cut")


def read_chunks(client: Client, pause: Callable[[], None] = lambda: None) -> tuple[bytes, bool, bytes]:
    """The chunks of an answer, whether they are all, and what came behind the last one that is whole."""
    body = bytearray()
    try:
        while chunk := client.read_chunk():
            body += chunk
            pause()
    except CUT:
        return bytes(body), False, client.read_to_end()
    return bytes(body), True, b""


def shown(answer: bytes) -> str:
    """Its beginning and its end."""
    return f"{answer[:100]!r}...{answer[-100:]!r} ({len(answer)} bytes)"
