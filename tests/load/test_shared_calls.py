"""
Batches, as a load finds them: how many requests shared a call, whether that pays, and whether it might.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.load.advice import ServiceWorkers, advise
from eas_host.load.batches.advice import judge_batches, suggest_batches
from eas_host.load.batches.calls import BatchCalls
from eas_host.load.batches.methods import find_batch_method
from eas_host.load.closed_loop import ClosedLoop
from eas_host.load.cpu import CpuTimes
from eas_host.load.measurement import Measurement
from support.answering import AnsweringServer, response, run_in_loop
from support.build import ProcessorBuilder
from support.checks import spec
from support.columns import LANGUAGES

WORKERS = ServiceWorkers("cpp", 5, 1)
FRONT = 0.0001


def step(concurrency: int, calls: dict[int, float], *, count: int = 10, queue: float = 0.0) -> Measurement:
    """A second in which there were *count* calls of each size, which took so many seconds; all clients were busy."""
    measured = Measurement(concurrency=concurrency, seconds=1.0)
    requests = sum(size * count for size in calls)
    for size, seconds in calls.items():
        for _ in range(size * count):
            measured.count_answer(200, b"")
            measured.latency.add(concurrency / requests)
            measured.queue.add(queue)
            measured.call.add(seconds)
            measured.batches.add(size, seconds)
    measured.sent = requests
    measured.cpu = CpuTimes(0.1, 0.0, FRONT * requests, 0.1, 0.0, 4)
    return measured


def unbatched(concurrency: int, call: float, *, queue: float) -> Measurement:
    measured = step(concurrency, {1: call}, count=1000, queue=queue)
    measured.batches = BatchCalls()
    return measured


def test_mean_is_that_of_the_calls_not_of_the_requests() -> None:
    """Ten calls of one and ten of nine: a request was in one of 8.2 on average, a call had five."""
    assert step(8, {1: 0.001, 9: 0.002}).batches.mean == pytest.approx(5)
    assert BatchCalls().mean == 0


def test_batches_that_pay_are_told_with_what_a_request_costs() -> None:
    said = judge_batches([step(1, {1: 0.002}), step(32, {1: 0.004, 16: 0.004})])
    assert said is not None
    assert said.startswith("8.5 requests in a call at concurrency 32; a call of one request takes 2")
    assert "ms, one of 16 4" in said
    assert said.endswith(" ms for each request")


def test_batches_whose_call_grows_with_its_requests_are_advised_against() -> None:
    """The same with calls of two at least."""
    for one in (1, 2):
        said = judge_batches([step(one, {one: 0.002 * one}), step(32, {16: 0.03})])
        assert said is not None
        assert said.endswith(": its time grows with its requests, and batches save nothing; compare --batching off")


def test_batches_that_hardly_form_are_told() -> None:
    said = judge_batches([step(1, {1: 0.002}), step(32, {1: 0.002})])
    assert said is not None
    assert said.startswith("1.0 requests in a call at concurrency 32: hardly any formed, since requests wait for 0 ms")


def test_what_too_few_calls_tell_is_not_told() -> None:
    """A single client cannot have batches, and the median of four calls is chance."""
    assert judge_batches([step(1, {1: 0.002})]) is None
    assert judge_batches([step(1, {1: 0.002}), step(32, {16: 0.03}, count=4)]) is None
    assert judge_batches([unbatched(32, 0.002, queue=0.02)]) is None


def test_batches_are_suggested_where_requests_wait_and_the_processor_takes_them() -> None:
    waiting = [unbatched(1, 0.002, queue=0.0), unbatched(32, 0.002, queue=0.02)]
    assert suggest_batches(waiting, WORKERS, lambda: "batch_process") == (
        "20 requests waited for 5 threads at concurrency 32, and the processor has batch_process:"
        " try --batching adaptive"
    )
    assert suggest_batches(waiting, WORKERS, lambda: None) is None


def test_batches_are_not_suggested_where_they_would_be_of_no_use() -> None:
    """Nobody waits; or calls are shorter than the front's own work; or nothing is known of them."""
    for steps in ([unbatched(32, 0.002, queue=0.001)], [unbatched(32, FRONT / 2, queue=0.02)], [Measurement()]):
        assert suggest_batches(steps, WORKERS, lambda: "batch_process") is None


def test_calls_that_are_shared_get_no_advice_on_threads() -> None:
    """Though fewer are under way than there are threads."""
    assert advise([step(1, {1: 0.002}), step(32, {16: 0.004})], WORKERS) is None
    assert advise([step(1, {1: 0.002}), step(32, {1: 0.002})], WORKERS) is not None


def test_size_that_the_host_tells_is_counted() -> None:
    """One that is none is not."""

    async def run() -> None:
        async def shared(number: int, body: bytes) -> bytes:
            size = {0: "16", 1: "4", 2: "0", 3: "x", 4: "9" * 5000}[number % 5]
            return response(body, headers=f"X-Processor-Batch: {size}\r\nServer-Timing: queue;dur=1, call;dur=2\r\n")

        async with AnsweringServer(shared) as server:
            measured = await ClosedLoop(server.course(until=11), 1).measure()
            assert {size: calls.count for size, calls in measured.batches.by_size.items()} == {4: 2, 16: 2}
            assert measured.call.count == 10

    run_in_loop(run())


@pytest.mark.parametrize("language", LANGUAGES)
def test_method_for_batches_is_found_in_the_files(builder: ProcessorBuilder, language: str) -> None:
    """The contract's processors have one in each language."""
    method = "Process(byte[][])" if language == "java" else "batch_process"
    assert find_batch_method(spec(builder.contract(language))) == method


def test_processor_without_a_method_for_batches_has_none(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Nor one that answers later, which gets no batches; nor a file that cannot be read."""
    damaged = tmp_path / "damaged.jar"
    damaged.write_bytes(b"PK")
    broken = tmp_path / "broken.py"
    broken.write_text("class X(:\n", encoding="utf-8")
    later = tmp_path / "later.py"
    later.write_text(
        "class Later:\n"
        "    async def process(self, data):\n        return data, 200\n"
        "    def batch_process(self, batch):\n        return []\n",
        encoding="utf-8",
    )
    others = [later, builder.cpp("answers_later"), builder.python("streams.py"), builder.jar("StringToString")]
    for entry in (*others, damaged, broken, tmp_path / "absent.so"):
        assert find_batch_method(spec(entry)) is None, entry
