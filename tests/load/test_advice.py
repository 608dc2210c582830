"""
Which workers are advised, for calls of different kinds in each language.
"""

from __future__ import annotations

import pytest

from eas_host.load.advice import ServiceWorkers, advise
from eas_host.load.cpu import CpuTimes
from eas_host.load.measurement import Measurement

FIVE_THREADS = {language: ServiceWorkers(language, 5, 1) for language in ("cpp", "java", "python")}


def step(
    calls: int,
    call: float,
    cpu: float,
    *,
    concurrency: int = 1,
    cores: int = 4,
    front: float = 0.0001,
    delay: float = 0.0,
) -> Measurement:
    """A step with so many calls, each of which took so long, so much CPU time, and waited so long for a core."""
    measured = Measurement(concurrency=concurrency, seconds=1.0, sent=calls)
    for _ in range(calls):
        measured.count_answer(200, b"")
        measured.latency.add(call + front)
        measured.queue.add(0.0)
        measured.call.add(call)
    measured.cpu = CpuTimes(0.1, 0.0, front * calls, cpu * calls, delay * calls, cores)
    return measured


@pytest.mark.parametrize(
    ("language", "call", "cpu", "threads", "processes", "why"),
    [
        ("cpp", 0.01, 0.01, 4, 1, "a call takes 10 ms, 10 ms of it CPU time; so 4 calls fill this machine's 4 cores"),
        ("java", 0.01, 0.009, 4, 1, "so 4 calls fill"),
        ("python", 0.01, 0.01, 1, 4, "Python's lock lets one call at a time compute in a process"),
        ("cpp", 0.01, 0.02, 2, 1, "it computes on 2.0 cores at once, so 2 calls fill"),
        ("cpp", 0.01, 0.1, 1, 1, "it computes on 10.0 cores at once, so one call fills"),
        ("cpp", 0.01, 0.005, 8, 1, "while it waits others compute, so 8 calls fill"),
        ("python", 0.01, 0.005, 2, 4, "while it waits others compute, so 8 calls fill"),
        ("java", 0.01, 0.00001, 64, 1, "it mostly waits, and more calls at once cost little"),
        ("python", 0.01, 0.00001, 64, 1, "it mostly waits"),
        ("python", 0.00002, 0.00005, 1, 1, "the front needs 0.1 ms for each request"),
    ],
)
def test_calls_at_once_fill_the_cores(
    language: str, call: float, cpu: float, threads: int, processes: int, why: str
) -> None:
    advice = advise([step(50, call, cpu)], FIVE_THREADS[language])
    assert advice is not None
    assert (advice.worker_threads, advice.worker_processes) == (threads, processes)
    assert why in advice.reason


def test_python_that_computes_without_its_lock_needs_one_process() -> None:
    """More cores were busy than one: its libraries let go of the lock."""
    steps = [step(100, 0.01, 0.01), step(300, 0.013, 0.01, concurrency=4)]
    advice = advise(steps, FIVE_THREADS["python"])
    assert advice is not None
    assert (advice.worker_threads, advice.worker_processes) == (4, 1)
    assert "beside one another in one Python process" in advice.reason


def test_waits_for_a_busy_core_are_no_waits_of_the_call() -> None:
    """What else runs on the machine makes each call take three times its time."""
    advice = advise([step(50, 0.03, 0.01, delay=0.02)], FIVE_THREADS["cpp"])
    assert advice is not None
    assert advice.worker_threads == 4


def test_lowest_load_tells_what_a_call_costs() -> None:
    """At a high one calls wait for one another, and look as if they mostly waited."""
    steps = [step(100, 0.04, 0.01, concurrency=64), step(50, 0.01, 0.01)]
    advice = advise(steps, FIVE_THREADS["cpp"])
    assert advice is not None
    assert advice.worker_threads == 4


def test_calls_that_keep_no_thread_get_no_advice_on_threads() -> None:
    """32 of 50 ms each are under way on five threads: answers that come later, or batches."""
    assert advise([step(20, 0.05, 0.001), step(640, 0.05, 0.001, concurrency=32)], FIVE_THREADS["cpp"]) is None


def test_without_measured_calls_there_is_no_advice() -> None:
    """Of a service that runs elsewhere neither is known."""
    foreign = step(10, 0.01, 0.01)
    foreign.cpu = CpuTimes(0.1, 0.0, None, None, 0.0, 4)
    assert advise([foreign], FIVE_THREADS["cpp"]) is None
    assert advise([Measurement(concurrency=1)], FIVE_THREADS["cpp"]) is None


def test_whether_workers_are_those_that_are_advised() -> None:
    advice = advise([step(50, 0.01, 0.01)], FIVE_THREADS["python"])
    assert advice is not None
    assert advice.differs_from(FIVE_THREADS["python"])
    assert not advice.differs_from(ServiceWorkers("python", 4, 4))
    assert advice.differs_from(ServiceWorkers("python", 4, 2))


@pytest.mark.parametrize(
    ("cpu", "limit"),
    [
        (CpuTimes(0.95, 0.0, 0.1, 0.5, 0.0, 4), "generator"),
        (CpuTimes(0.2, 0.75, 0.1, 0.1, 0.0, 4), "generator"),
        (CpuTimes(0.5, 0.0, 0.95, 0.5, 0.0, 4), "front"),
        (CpuTimes(0.5, 0.0, 0.5, 2.8, 0.0, 4), "machine"),
        (CpuTimes(0.5, 0.0, 0.5, 1.0, 0.0, 4), None),
        (CpuTimes(0.5, 0.0, None, None, 0.0, 4), None),
    ],
)
def test_who_had_no_cpu_time_left_is_named(cpu: CpuTimes, limit: str | None) -> None:
    assert Measurement(concurrency=1, seconds=1.0, cpu=cpu).limited_by == limit
