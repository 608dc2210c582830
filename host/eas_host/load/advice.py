"""
Which workers a service should have on this machine, and why.

The model: a call that takes s seconds, c of them on a CPU, keeps c/s of a core busy. As many calls at once as fill all
cores with CPU time are enough; more would only wait for one another. In Python, calls that hold its lock share one
core, so there must be as many processes as cores. The front takes one request after another, so calls that are shorter
than what it does for each need no second worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from eas_host.load.measurement import Measurement
from eas_host.load.sweep import best_step

_ALL_CPU: Final = 0.7
"""From this share of CPU time on, a call does nothing else: what is missing are waits for a core."""
_SEVERAL_CORES: Final = 1.3
_SHORT_CALL: Final = 0.001
"""Seconds: the CPU time of a shorter call is in great part that of passing it on, beside the call itself."""
_LOCK_FREE: Final = 1.25
"""Cores that one Python process must use before its calls are known to run without Python's lock."""
_ROUNDING: Final = 0.01
_MORE_THAN_THREADS: Final = 1.25
"""So many calls under way for each thread are more than measuring makes of one."""
FORMED: Final = 1.5
"""Requests in a call, on average: with fewer there are no batches to speak of."""
_MOST_WAITING: Final = 64
"""Calls at once that are advised for processors that mostly wait: beyond, other limits than the CPU come first."""


class ServiceWorkers(NamedTuple):
    """
    What is known of the workers of a service.

    Attributes:
        type: cpp, java or python.
        threads: how many calls run at once, in all processes.
        processes: how many processes there are.
    """

    type: str
    threads: int
    processes: int


class Advice(NamedTuple):
    """
    What to set, and the sentence that says why.
    """

    worker_threads: int
    worker_processes: int
    reason: str

    def differs_from(self, workers: ServiceWorkers | None) -> bool:
        """
        Tell whether *workers* are others.
        """
        advised = (self.worker_threads * self.worker_processes, self.worker_processes)
        return workers is None or (workers.threads, workers.processes) != advised


def advise(steps: Sequence[Measurement], workers: ServiceWorkers) -> Advice | None:
    """
    Make the advice that follows from *steps*; None if they do not tell what a call costs, if calls were shared by a
    batch, or if more of them were under way than there are threads: those keep none while they wait for their answers.
    """
    known = [step for step in steps if step.call.count and step.cpu is not None and step.cpu.workers is not None]
    under_way = max((step.throughput * step.call.mean for step in known), default=0.0)
    in_batches = any(step.batches.mean >= FORMED for step in known)
    if not known or in_batches or under_way > _MORE_THAN_THREADS * workers.threads:
        return None
    first = min(known, key=lambda step: step.load)
    best = best_step(known, None) or first
    assert first.cpu is not None  # noqa: S101  as above
    # Calls that were answered by errors have used the workers, too.
    cpu = (first.cpu.workers or 0.0) / max(1, first.answered)
    # What else runs on this machine, the generator too, makes calls wait for a core, which more calls would not fill.
    call = max(first.call.mean - first.cpu.delay / max(1, first.answered), min(first.call.mean, cpu))
    share = cpu / call if call else 1.0
    if call < _SHORT_CALL:
        share = min(share, 1.0)
    at_once, why = _calls_at_once(share, first.cpu.cores)
    front = (first.cpu.front or 0.0) / max(1, first.answered)
    if share >= _ALL_CPU and call < front * (at_once - 1):
        at_once = max(1, math.ceil(call / front))
        why = f"the front needs {format_duration(front)} for each request, so more calls at once would wait for it"
    computing = format_duration(min(cpu, call) if share <= 1 else cpu)
    costs = f"a call takes {format_duration(call)}, {computing} of it CPU time"
    if workers.type != "python":
        return Advice(at_once, 1, f"{costs}; {why}")
    if _cores_of_a_process(best, workers) >= _LOCK_FREE:
        return Advice(at_once, 1, f"{costs}; {why}, and they run beside one another in one Python process")
    processes = max(1, min(first.cpu.cores, math.ceil(at_once * min(share, 1.0) - _ROUNDING)))
    lock = "" if processes == 1 else "; Python's lock lets one call at a time compute in a process, hence the processes"
    return Advice(math.ceil(at_once / processes), processes, f"{costs}; {why}{lock}")


def _calls_at_once(share: float, cores: int) -> tuple[int, str]:
    """
    Return how many calls at once fill *cores*, each of which keeps *share* of a core busy, and how one says it.
    """
    of_this = f"this machine's {cores} cores" if cores > 1 else "this machine's only core"
    if share >= _SEVERAL_CORES:
        count = max(1, math.floor(cores / share))
        return count, f"it computes on {share:.1f} cores at once, so {_calls(count)} {of_this}"
    if share >= _ALL_CPU:
        return cores, f"so {_calls(cores)} {of_this}, and more would wait for one another"
    if share * _MOST_WAITING <= cores:
        return _MOST_WAITING, "it mostly waits, and more calls at once cost little"
    count = math.ceil(cores / share - _ROUNDING)
    return count, f"while it waits others compute, so {_calls(count)} {of_this}"


def _calls(count: int) -> str:
    return "one call fills" if count == 1 else f"{count} calls fill"


def _cores_of_a_process(step: Measurement, workers: ServiceWorkers) -> float:
    assert step.cpu is not None  # noqa: S101  asked of steps that have it
    busy = (step.cpu.workers or 0.0) / step.seconds if step.seconds else 0.0
    return busy / workers.processes


def format_duration(seconds: float) -> str:
    """
    Write *seconds* as milliseconds, with three digits.
    """
    return f"{seconds * 1000:.3g} ms"
