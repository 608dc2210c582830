"""
Answers in parts of processors in Python, by a generator and by an async generator, over real sockets and both data
planes: what only these can do, and where planes may differ. What is the same in all languages is in
kinds/test_stream_table.py.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import seeded_rng
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.parts import Parts
from support.pipe import Pipe, pipe
from support.stop import begin_stop
from support.wire import Client, ConnectionEnded, request

__all__ = ["pipe"]

PARTS = 1_000_000
SLOW = 500
LARGE = 1 << 30
COUNT = 20_000  # lines of an answer under torture
ANSWERS = 100
SECONDS = float(os.environ.get("EAS_HOST_TORTURE_SECONDS", "0"))
GROWTH = 32 << 20  # bytes by which a process may grow for what the heap keeps of ordinary requests

Begin = Callable[..., Host]


@pytest.fixture(params=["native", "uvloop"])
def plane(request: pytest.FixtureRequest) -> str:
    """Each data plane."""
    name: str = request.param
    return name


@pytest.fixture(params=["streams", "async_streams"])
def begin(start: StartHost, builder: ProcessorBuilder, plane: str, request: pytest.FixtureRequest) -> Begin:
    """Starts a host whose processor streams, in either way."""

    def make(**options: Value) -> Host:
        return start("python", builder.python(f"{request.param}.py"), data_plane=plane, **options)

    return make


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) << 10


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b"numbers:3", 200, "0\n1\n2\n"),
        (b"pair:ab", 201, "abab"),
        (b"types:", 200, "ключ array view"),
        (b"nothing:", 200, ""),
    ],
)
def test_whole_answers(begin: Begin, body: bytes, status: int, answer: str) -> None:
    """Of a generator, or of another iterator with a status; empty parts are no last chunk. The connection stays."""
    with begin().connect() as client:
        for _ in range(3):
            response = client.call(body, "/api/predict/streams")
            assert (response.status, response.text) == (status, answer)


def test_head_and_http_10(begin: Begin) -> None:
    """HEAD has no body, and HTTP/1.0 no chunks: there the end of the connection is that of the answer."""
    host = begin()
    assert host.call(b"numbers:3", method="HEAD").status == 200
    with host.connect() as client:
        client.send(request("POST", host.path, b"numbers:3", version="HTTP/1.0"))
        response = client.read()
        assert (response.body, response.get("Transfer-Encoding")) == (b"0\n1\n2\n", None)
        assert client.is_closed()
    assert host.call(b"endless:head", method="HEAD").status == 200
    host.wait_for_log("closed head")


def test_memory_stays_flat(begin: Begin) -> None:
    """Over a million parts, and one of 1 GiB, on both sides of the ring."""
    host = begin(keepalive=600_000)
    host.call(b"numbers:100000")
    before = [resident(pid) for pid in (host.pid, *host.workers())]
    with host.ask(b"numbers:%d" % PARTS) as client:
        expected = sum(len(b"%d\n" % number) for number in range(PARTS))
        assert count_bytes(client) == expected
    after = [resident(pid) for pid in (host.pid, *host.workers())]
    assert all(grown < GROWTH for grown in map(int.__sub__, after, before)), (before, after)
    with host.ask(b"one:%d" % LARGE) as client:
        assert count_bytes(client) == LARGE
    assert resident(host.pid) - before[0] < GROWTH


def count_bytes(client: Client) -> int:
    parts = Parts(client)
    size = 0
    while part := parts.next():
        size += len(part)
    return size


def test_slow_readers_hold_no_thread(begin: Begin) -> None:
    """With one thread, and 500 clients that do not read, another request is answered; when they leave, all ends."""
    host = begin(worker_threads=1, max_in_flight=2 * SLOW, max_queue_size=SLOW, keepalive=600_000)
    with ExitStack() as clients:
        slow = []
        for number in range(SLOW):
            client = clients.enter_context(Client(host.address, receive_buffer=4096))
            client.send(request(path=host.path, body=b"endless:%d" % number))
            slow.append(client)
            if number % 50 == 0:
                Parts(client).next()
        for client in slow:
            assert client.has_unread()
        assert host.call(b"pair:ab").text == "abab"
        for client in slow:
            client.reset()
    host.wait_for_log("closed", times=SLOW)
    assert host.call(b"pair:ab").text == "abab"


@pytest.mark.parametrize("body", [b"endless:silent", b"silent:"])
def test_client_that_leaves_closes_the_generator(begin: Begin, body: bytes) -> None:
    """Its `finally` runs, also where no part is sent that could find out."""
    host = begin(keepalive=600_000)
    with host.ask(body) as client:
        assert Parts(client).next()
        client.reset()
    host.wait_for_log("closed silent")


def test_exit_in_the_midst_cuts_the_answer(begin: Begin, pipe: Pipe) -> None:
    """The client sees that the answer is not whole, and the log says why, with the frames."""
    said = "SystemExit: in the midst"
    host = begin()
    host.allow_log(said)
    with host.ask(pipe.body) as client:
        pipe.write(b"1")
        parts = Parts(client)
        assert parts.next() == b"1"
        pipe.write(b"?")
        assert parts.is_cut()
    host.wait_for_log(rf"process raised {said}")
    host.wait_for_log(r'File ".*streams\.py", line \d+, in gated')
    assert host.call(b"pair:ab").text == "abab"


@pytest.mark.parametrize(
    ("verb", "said"), [(b"at_close", "ValueError: at close"), (b"keeps_on", "RuntimeError: .*ignored GeneratorExit")]
)
def test_exception_at_close_is_logged(begin: Begin, verb: bytes, said: str) -> None:
    host = begin()
    host.allow_log(said)
    host.allow_log("closing of asynchronous generator")  # asyncio tries once more at its end
    with host.ask(verb + b":") as client:
        assert Parts(client).next()
        client.reset()
    host.wait_for_log(f"process raised {said}")
    assert host.call(b"pair:ab").text == "abab"


def test_time_counts_anew_with_each_part(begin: Begin, pipe: Pipe) -> None:
    """An answer may take as long as it likes, but no part longer than --keepalive."""
    host = begin(keepalive=1000)
    with host.ask(pipe.body) as client:
        pipe.write(b"1")
        parts = Parts(client)
        assert parts.next() == b"1"
        for _ in range(4):
            assert client.waits_for_an_answer(0.5)
            pipe.write(b"2")
            assert parts.next() == b"2"
        assert parts.is_cut()
    host.wait_for_log("408: POST .* took longer than 1000 ms")


def test_stop_waits_for_an_answer_in_parts(begin: Begin, pipe: Pipe) -> None:
    """As for any request that is under way."""
    host = begin()
    with host.ask(pipe.body) as client:
        pipe.write(b"1")
        parts = Parts(client)
        assert parts.next() == b"1"
        begin_stop(host)
        pipe.write(b"2~")
        assert parts.next() == b"2"
        assert parts.next() == b""
    host.ends_with(0)


def test_call_of_a_streaming_processor_is_answered_whole(begin: Begin) -> None:
    """The builtin handler `call` has no stream, nor have a warm-up request and `eas-host invoke`."""
    host = begin()
    assert host.call(b"numbers:100000", "/api/builtin/call").text.count("\n") == 100_000


def test_events_arrive_one_by_one(begin: Begin, pipe: Pipe) -> None:
    """A client of server-sent events (WHATWG HTML, section 9.2) has each as soon as its blank line is there."""
    host = begin(content_type="text/event-stream")
    with host.ask(pipe.body) as client:
        pipe.write(b"data: one\n\n")
        parts = Parts(client)
        assert parts.head.get("Content-Type") == "text/event-stream"
        events = events_of(parts)
        assert next(events) == "one"
        for text in ("two", "three"):
            assert client.is_silent()
            pipe.write(f"data: {text}\n\n".encode())
            assert next(events) == text
        pipe.write(b"~")


def events_of(parts: Parts) -> Iterator[str]:
    """Parses a stream of events as a browser does."""
    buffer = ""
    data: list[str] = []
    while part := parts.next():
        buffer += part.decode()
        while "\n" in buffer:
            line, _, buffer = buffer.partition("\n")
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
            elif not line and data:
                yield "\n".join(data)
                data = []


def test_new_version_serves_while_the_old_one_finishes_its_answer(
    start: StartHost, builder: ProcessorBuilder, plane: str, pipe: Pipe, tmp_path: Path
) -> None:
    entry = tmp_path / "app.py"
    text = builder.python("streams.py").read_text(encoding="utf-8")
    entry.write_text(text, encoding="utf-8")
    host = start("python", entry, data_plane=plane, reload=True)
    with host.ask(pipe.body) as client:
        pipe.write(b"1")
        parts = Parts(client)
        assert parts.next() == b"1"
        entry.write_text(text.replace("argument, argument", "argument"), encoding="utf-8")
        while host.call(b"pair:ab").text != "ab":
            pass
        pipe.write(b"2~")
        assert parts.next() == b"2"
        assert parts.next() == b""


@pytest.mark.torture
def test_random_kills_never_mix_parts(begin: Begin) -> None:
    """Each answer is whole, or the beginning of its own, which is cut."""
    host = begin(keepalive=60_000, worker_threads=4)
    host.allow_log("SIGKILL")
    rng = seeded_rng("parts")
    ends: Counter[str] = Counter()
    deadline = time.monotonic() + SECONDS

    def read_answers(number: int) -> None:
        while sum(ends.values()) < ANSWERS or time.monotonic() < deadline:
            first = number << 32
            with host.ask(b"numbers_from:%d,%d" % (first, COUNT)) as client:
                parts, body = Parts(client), b""
                try:
                    while part := parts.next():
                        body += part
                except (ConnectionEnded, ConnectionResetError):
                    ends["cut"] += 1
                else:
                    ends["whole"] += 1
                    assert body.count(b"\n") == COUNT
                assert b"".join(b"%d\n" % (first + line) for line in range(COUNT)).startswith(body)

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read_answers, number) for number in range(8)]
        while not all(reader.done() for reader in readers):
            before = sum(ends.values())
            wait = rng.randrange(4, 20)
            while sum(ends.values()) < before + wait and not all(reader.done() for reader in readers):
                assert host.call(b"pair:ab").text == "abab"
            for pid in host.workers():
                host.kill_worker(pid)
        for reader in readers:
            reader.result()
    assert ends["whole"]
    assert ends["cut"]
