"""
Batches in Java: what only `byte[][] Process(byte[][])` may return and throw, and what each of its requests is answered;
what is the same in all languages is in kinds/test_batch_table.py.

The processor is Batches, whose answers tell which form of Process has made them. Each batch is full, so no clock is
needed to form it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support import LONG
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.wire import Response

OPTIONS: dict[str, Value] = {"worker_threads": 1, "batching": "fixed", "max_batch_size": 3, "keepalive": LONG}
AGAIN = "its 3 requests run again, each by itself, in Process"


@pytest.fixture(scope="module")
def host(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Each test leaves it as it was."""
    entry = builder.jar("Batches")
    folder = tmp_path_factory.mktemp("host")
    with Host(folder, entry=entry, processor_type="java", max_batch_timeout=LONG // 2, **OPTIONS) as running:
        yield running


def answers(host: Host, *bodies: str) -> list[Response]:
    """What is answered to *bodies*, which are one batch."""
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(body.encode())) for body in bodies]
        return [client.read() for client in asked]


def texts(answered: list[Response]) -> list[tuple[int, str]]:
    return [(answer.status, answer.text) for answer in answered]


def test_wrong_array_for_one_request_is_told_too(start: StartHost, builder: ProcessorBuilder) -> None:
    """A batch of one is a batch."""
    host = start("java", builder.jar("Batches"), **{**OPTIONS, "batching": "adaptive"})
    assert host.call(b"a").body == b"together a"
    assert host.call(b"no list").body == b"alone no list"
    host.wait_for_log(r"returned null, .* for one request, which runs again in Process")
    assert host.call(b"throws").message == "bad input"
    host.expect_log(r"Batches\.Process\(byte\[\]\[\]\) threw java\.lang\.IllegalStateException: bad input")


@pytest.mark.parametrize(
    ("bad", "message", "log"),
    [
        ("error", "bad input", "java.lang.AssertionError: bad input"),
        ("memory", "Requested array size exceeds VM limit", "java.lang.OutOfMemoryError"),
        ("recursion", "java.lang.StackOverflowError", "java.lang.StackOverflowError (the recursion has no end"),
    ],
    ids=["error", "memory", "recursion"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_bad_input_costs_one_answer(host: Host, place: int, bad: str, message: str, log: str) -> None:
    """Wherever it stands in the batch, whatever it throws; the log has the call of the batch, and then its own."""
    bodies = ["a", "b"]
    bodies.insert(place, bad)
    answered = answers(host, *bodies)
    bad_one = answered.pop(place)
    assert bad_one.status == 400
    assert bad_one.text.startswith(message)
    assert texts(answered) == [(200, "alone a"), (200, "alone b")]
    host.wait_for_log(re.escape(f"Batches.Process(byte[][]) threw for a batch; {AGAIN}: {log}"))
    host.expect_log(r"process threw java\.lang\.")
    assert "at eas.host" not in host.new_log()


def test_null_is_an_empty_answer(host: Host) -> None:
    """As from the other form of Process. The log tells of the first."""
    for _ in range(2):
        assert texts(answers(host, "a", "nothing", "b")) == [(200, "together a"), (200, ""), (200, "together b")]
    host.wait_for_log(
        r"Batches\.Process\(byte\[\]\[\]\) returned an array with null in it, which is answered as an empty body"
    )
    assert host.new_log().count("returned an array with null in it") == 1


def test_arrays_may_be_shared_or_be_the_inputs(host: Host) -> None:
    """They are copied into the answers. That the call changes its array of inputs does no harm."""
    assert texts(answers(host, "shared", "a", "shared")) == [(200, "shared"), (200, "together a"), (200, "together a")]
    assert texts(answers(host, "a", "the inputs", "")) == [(200, "a"), (200, "the inputs"), (200, "")]


def test_interrupt_of_one_call_is_gone_in_the_next(host: Host) -> None:
    """A call begins with its thread as it was at first."""
    answers(host, "a", "interrupts", "b")
    assert texts(answers(host, "a", "b", "c")) == [(200, f"together {body}") for body in "abc"]


def test_hung_batch_tells_where_it_is(start: StartHost, builder: ProcessorBuilder) -> None:
    """Each of its requests answers 408 when its own time is up."""
    options = {**OPTIONS, "keepalive": 1000, "max_batch_timeout": 900}
    host = start("java", builder.jar("Batches"), **options)
    host.allow_log("408")
    assert [answer.status for answer in answers(host, "a", "hangs", "b")] == [408] * 3
    host.wait_for_log(r"worker-thread-0, for \d\.\d s")
    host.wait_for_log(r"at Batches\.hang\(Batches\.java:\d+\)")
    assert "at eas.host" not in host.new_log()


def test_class_without_the_form_for_batches_is_told(start: StartHost, builder: ProcessorBuilder) -> None:
    """Its requests run one by one."""
    host = start("java", builder.jar("BytesToString"), batching="adaptive")
    host.wait_for_log(
        r'batching has no effect: BytesToString has no method "public byte\[\]\[\] Process\(byte\[\]\[\] inputs\)"; '
        r"it has public String Process\(byte\[\]\)"
    )
    assert host.call(b"x").status == 200
