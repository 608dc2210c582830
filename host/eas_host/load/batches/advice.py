"""
What a measurement tells about batches: whether they formed, whether they pay, or that there might be some.

A batch pays where its call takes little longer than that of one request. Where the call of sixteen takes sixteen times
as long, each of them only waits for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from eas_host.load.advice import FORMED, ServiceWorkers, format_duration
from eas_host.load.measurement import Measurement

_LEAST_CALLS: Final = 5
"""The median of fewer calls says nothing."""
_IN_PROPORTION: Final = 0.8
"""A call that grows by this share of its requests saves nothing: the rest is within the noise of a run."""
_WAITING: Final = 2.0
"""Where fewer requests wait for a thread at once, a batch would find none."""


class _Calls(NamedTuple):
    """
    Calls of one size, and how many seconds half of them took at most.
    """

    size: int
    seconds: float


def judge_batches(steps: Sequence[Measurement]) -> str | None:
    """
    Say whether the batches of *steps* formed and what they cost; None if there are none, or too few to tell.
    """
    known = [step for step in steps if step.batches]
    if not known:
        return None
    highest = max(known, key=_under_way)
    formed = f"{highest.batches.mean:.1f} requests in a call at {highest.name}"
    compared = _compare(known)
    if compared is not None:
        one, several = compared
        each = several.seconds / several.size
        costs = (
            f"{_describe(one)} takes {format_duration(one.seconds)}, one of {several.size}"
            f" {format_duration(several.seconds)}, so {format_duration(each)} for each request"
        )
        if each >= _IN_PROPORTION * one.seconds / one.size:
            costs = f"{costs}: its time grows with its requests, and batches save nothing; compare --batching off"
        return f"{formed}; {costs}"
    if highest.batches.mean < FORMED and _under_way(highest) >= _WAITING:
        waited, took = format_duration(highest.queue.percentile(50)), format_duration(highest.call.percentile(50))
        return f"{formed}: hardly any formed, since requests wait for {waited} and a call takes {took}"
    return None


def suggest_batches(
    steps: Sequence[Measurement], workers: ServiceWorkers, find_method: Callable[[], str | None]
) -> str | None:
    """
    Say that batches may help *workers*, which have none; *find_method* returns the name of the processor's method for
    them. None if it has none, or if requests did not wait for threads.
    """
    known = [step for step in steps if step.call.count]
    if not known:
        return None
    highest = max(known, key=_under_way)
    waiting = highest.throughput * highest.queue.mean
    front = 0.0 if highest.cpu is None else (highest.cpu.front or 0.0) / max(1, highest.answered)
    # Of calls that are shorter than what the front does for each request, batches spare next to nothing.
    if waiting < _WAITING or highest.call.mean < front:
        return None
    method = find_method()
    if method is None:
        return None
    threads = f"{workers.threads} threads" if workers.threads > 1 else "one thread"
    return (
        f"{waiting:.0f} requests waited for {threads} at {highest.name}, and the processor has {method}:"
        " try --batching adaptive"
    )


def _under_way(step: Measurement) -> float:
    """
    How many requests were under way on average (Little's law).
    """
    return step.throughput * step.latency.mean


def _compare(steps: Sequence[Measurement]) -> tuple[_Calls, _Calls] | None:
    """
    Return the smallest calls at the lowest load, where they did not wait for one another, and the largest of all; None
    if these are not twice as large.
    """
    small = [*_calls_of(min(steps, key=_under_way))]
    large = [calls for step in steps for calls in _calls_of(step)]
    if not small or not large or max(large).size < 2 * small[0].size:
        return None
    most = max(large).size
    return small[0], min(calls for calls in large if calls.size == most)


def _calls_of(step: Measurement) -> list[_Calls]:
    return [_Calls(size, step.batches.by_size[size].percentile(50)) for size in step.batches.sizes(_LEAST_CALLS)]


def _describe(calls: _Calls) -> str:
    return "a call of one request" if calls.size == 1 else f"a call of {calls.size} requests"
