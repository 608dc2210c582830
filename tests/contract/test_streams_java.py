"""
Answers of processors in Java that come in parts (docs/async.md): from an InputStream, an Iterator or a Flow.Publisher.
What is the same in all languages is in kinds/test_stream_table.py.

The processors of FORMS make the same parts, in each of the three ways (PartsSource.java); those of OddPublished are
made by publishers that do what they should not.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import LONG, proc
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.wire import Client, Response, request

OPTIONS: dict[str, Value] = {"worker_threads": 1, "keepalive": LONG}
MIB = 1 << 20
SLOW = 200
LARGE = 200_000  # bytes of a part: more than the ring has room for, so its client has begun to read when it is sent
FORMS = ("Iterated", "Read", "Published")


class Form(NamedTuple):
    """A way to send parts."""

    name: str
    isolation: str = "process"

    def __str__(self) -> str:
        return f"{self.name}-{self.isolation}"


each_form = pytest.mark.parametrize("form", [Form(name) for name in FORMS], ids=str)


@pytest.fixture(scope="module", params=[Form(name, way) for name in FORMS for way in ("process", "none")], ids=str)
def host(request: Any, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:  # noqa: ANN401
    """With one thread. Each test leaves it as it was, but for how many answers were made."""
    form: Form = request.param
    options = {**OPTIONS, "processor_type": "java", "isolation": form.isolation}
    with Host(tmp_path_factory.mktemp("host"), entry=jar(builder, form), **options) as running:
        yield running


@pytest.fixture
def odd(start: StartHost, builder: ProcessorBuilder) -> Host:
    """A host whose publisher breaks rules."""
    return start("java", builder.jar("OddPublished"), **OPTIONS)


def jar(builder: ProcessorBuilder, form: Form) -> Path:
    return builder.jar(form.name, "PartsSource")


def wait_closed(host: Host) -> None:
    """Waits until all answers that were begun are closed."""
    while not re.fullmatch(r"(\d+)of\1", host.call(b"closed").text):
        pass


def test_failure_of_the_call_answers_400(host: Host) -> None:
    """As one of a call without parts."""
    answer = host.call(b"throw")
    assert (answer.status, answer.message) == (400, "no source")
    host.expect_log("java.lang.IllegalStateException: no source")
    assert "eas.host" not in host.new_log() + answer.text


def test_source_is_closed_when_it_ends_or_its_client_leaves(host: Host) -> None:
    """Whichever comes first."""
    host.allow_log("499|no more parts")
    assert host.call(b"a b").text == "ab"
    with host.ask(b"endless 0 1000") as client:
        assert client.socket.recv(1000)
        client.reset()
    assert host.call(b"fail 0 1").status == 400
    wait_closed(host)


@pytest.mark.parametrize("name", ["Iterated", "Read"])
def test_failure_to_close_is_told(start: StartHost, builder: ProcessorBuilder, name: str) -> None:
    """The answer is whole all the same."""
    host = start("java", jar(builder, Form(name)), **OPTIONS)
    host.allow_log("not closed")
    assert host.call(b"badly closed").text == "badlyclosed"
    host.wait_for_log("java.lang.IllegalStateException: not closed")


@each_form
def test_many_slow_clients_keep_no_thread(start: StartHost, builder: ProcessorBuilder, form: Form) -> None:
    """Two hundred, beside one thread, and with less memory than their answers have. Each then gets its own answer."""
    host = start("java", jar(builder, form), **OPTIONS, jvm_options="-Xmx64m", max_queue_size=300)
    host.allow_log("499")
    with ExitStack() as clients:
        slow = [clients.enter_context(Client(host.address, receive_buffer=4096)) for _ in range(SLOW)]
        for client in slow:
            client.send(request("POST", host.path, b"parts 100 100000"))
        for client in slow:
            assert begins(client)
        for _ in range(20):
            assert host.call(b"a b").text == "ab"
        ended, begun = map(int, host.call(b"closed").text.split("of"))
        assert begun - ended >= SLOW, "they are not slow enough"
        for client in slow[:3]:
            assert len(client.read().body) == 10_000_000


def begins(client: Client) -> bool:
    """Waits until an answer to *client* begins, and leaves it to be read."""
    return client.socket.recv(1, socket.MSG_PEEK) == b"H"


@each_form
def test_hundred_thousand_parts_need_no_more_memory_than_a_few(
    start: StartHost, builder: ProcessorBuilder, form: Form
) -> None:
    """Neither in the JVM, whose heap has no room for them, nor in the front."""
    host = start("java", jar(builder, form), **OPTIONS, jvm_options="-Xmx24m")
    assert host.call(b"parts 1000 1000").status == 200
    before = proc.peak_memory(host.pid), proc.peak_memory(host.workers()[0])
    with host.connect() as client:
        client.send(request("POST", host.path, b"parts 100000 1000", [("Connection", "close")]))
        size = 0
        while data := client.socket.recv(MIB):
            size += len(data)
    assert size > 100_000_000
    after = proc.peak_memory(host.pid), proc.peak_memory(host.workers()[0])
    assert after[0] - before[0] < 16 * MIB
    assert after[1] - before[1] < 32 * MIB


@each_form
def test_host_stops_while_a_client_does_not_read(start: StartHost, builder: ProcessorBuilder, form: Form) -> None:
    host = start("java", jar(builder, form), **{**OPTIONS, "keepalive": 2000})
    host.allow_log(".")
    with host.ask(b"endless 0 1000") as client:
        assert begins(client)
        host.stop()


def test_publisher_may_send_from_threads_of_its_own(odd: Host) -> None:
    """Each part once, in their order."""
    answer = odd.call(b"submission 20000")
    assert answer.text.split() == [f"{number:09}" for number in range(20_000)]


def test_publisher_is_asked_for_no_more_than_there_is_room_for(odd: Host) -> None:
    """SubmissionPublisher has a buffer: it waits while its client does, and keeps no thread of ours."""
    with odd.ask(b"submission 200000") as slow:
        assert odd.call(b"submission 3").text.split() == ["000000000", "000000001", "000000002"]
        assert len(slow.read().body) == 2_000_000


def test_publisher_that_is_silent_is_cancelled_when_its_client_leaves(odd: Host) -> None:
    odd.allow_log("499")
    with odd.ask(b"silent") as client:
        assert odd.call(b"cancelled").text == "0"
        client.reset()
    while odd.call(b"cancelled").text != "1":
        pass


def test_publishers_that_have_not_begun_count_as_under_way(start: StartHost, builder: ProcessorBuilder) -> None:
    """One that has does not: its client may read for long."""
    host = start("java", builder.jar("OddPublished"), **OPTIONS, max_in_flight=1)
    host.allow_log("499")
    with host.ask(b"submission 200000") as slow:
        assert begins(slow)
        with host.ask(b"silent") as silent, host.ask(b"submission 1") as waiting:
            host.wait_queue(1)
            assert len(slow.read().body) == 2_000_000
            assert waiting.is_silent()
            silent.reset()
            assert waiting.read().text == "000000000 "


class Odd(NamedTuple):
    """What a publisher does, and what is said of it."""

    name: str
    message: str
    log: str = "the publisher that process returned failed with "


@pytest.mark.parametrize(
    "case",
    [
        Odd("null", "it has sent null as a part"),
        Odd("throws", "nothing is published"),
        Odd("throws-on-request", "nothing is published"),
        Odd("errors-without-subscription", "nothing is published"),
    ],
    ids=lambda case: case.name,
)
def test_publisher_that_sends_nothing_fails(odd: Host, case: Odd) -> None:
    answer = odd.call(case.name.encode())
    assert (answer.status, answer.message) == (400, case.message)
    odd.expect_log(case.log)
    assert "eas.host" not in odd.new_log()


@pytest.mark.parametrize("size", [10, LARGE])
def test_publisher_that_sends_more_than_was_requested_is_stopped(odd: Host, size: int) -> None:
    """What it had no right to send is not sent, whether or not there was room for it."""
    with odd.ask(b"greedy %d" % size) as client:
        came = client.read_to_end()
    assert not came.endswith(b"0\r\n\r\n")
    assert came.count(b"\0") <= size
    odd.expect_log("IllegalStateException: it has sent a part that was not requested")
    assert odd.call(b"cancelled").text == "1"


def test_subscription_is_called_by_one_thread_at_a_time(odd: Host) -> None:
    """What fails on a thread of the publisher's, while another one of ours requests, is cancelled after that."""
    odd.allow_log("it has sent null as a part")
    assert odd.call(b"null-from-a-thread").status == 400
    while odd.call(b"cancelled").text != "1":
        pass
    assert odd.call(b"overlaps").text == "0"


@pytest.mark.parametrize(("body", "expected"), [("completes-twice", "once"), ("nothing", ""), ("no publisher", "")])
def test_end_of_a_publisher_comes_once(odd: Host, body: str, expected: str) -> None:
    """What follows it is ignored; and null in its place is an empty answer."""
    answer: Response = odd.call(body.encode())
    assert (answer.status, answer.text) == (200, expected)
