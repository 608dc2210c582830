"""
The steps of a run: given rates, given concurrencies, or concurrencies that double until more is of no use.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from eas_host.errors import NoAnswer
from eas_host.load.closed_loop import ClosedLoop
from eas_host.load.cpu import read_cpu
from eas_host.load.driver import Course
from eas_host.load.measurement import Measurement
from eas_host.load.open_loop import OpenLoop

MOST_CONCURRENT: Final = 1024
_GROWTH: Final = 1.05
"""A step counts as growth from 5 % on: two runs of the same step differ by less."""
_STEPS_WITHOUT_GROWTH: Final = 2
"""One alone may be chance."""
_WARM_UP_SECONDS: Final = 1.0


class Plan(NamedTuple):
    """
    What is to be measured.

    Attributes:
        rates: requests a second, a step for each; if there are any, the rest does not matter.
        concurrencies: requests under way, a step for each; if there is none, they are chosen.
        slo: the seconds that 99 % of the requests may take, if that is limited.
    """

    rates: Sequence[float] = ()
    concurrencies: Sequence[int] = ()
    slo: float | None = None


async def run_steps(
    course: Course, plan: Plan, front: int | None, on_step: Callable[[Measurement], None]
) -> list[Measurement]:
    """
    Warm the service up and measure the steps of *plan*; each is passed to *on_step*. *front* is the pid of the front,
    if it is ours.

    Raises:
        NoAnswer: the service does not answer.
    """
    done: list[Measurement] = []
    try:
        await _warm_up(course)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise NoAnswer(f"{course.service.url}: does not answer: {reason}") from error
    for driver in _steps(course, plan, done):
        if course.interrupted.done():
            break
        before = read_cpu(front)
        try:
            measured = await driver.measure()
        except OSError:  # it has gone meanwhile
            measured = driver.refused()
        measured.cpu = read_cpu(front).since(before)
        if measured.sent:
            done.append(measured)
            on_step(measured)
    return done


def best_step(steps: Iterable[Measurement], slo: float | None) -> Measurement | None:
    """
    Return the step with most successes a second within *slo*; None if none is.
    """
    return max((step for step in steps if step.is_within(slo)), key=lambda step: step.throughput, default=None)


async def _warm_up(course: Course) -> None:
    """
    Send requests that are not counted, one after another.
    """
    seconds = min(_WARM_UP_SECONDS, course.seconds)
    measured = await ClosedLoop(course._replace(seconds=seconds), 1).measure()
    if not measured.answered and not course.interrupted.done():
        how = "it ends the connection" if measured.lost else f"no answer within {course.timeout:g} s (--timeout)"
        raise NoAnswer(f"{course.service.url}: does not answer: {how}")


def _steps(course: Course, plan: Plan, done: Sequence[Measurement]) -> Iterator[ClosedLoop | OpenLoop]:
    """
    Yield the steps of *plan*; *done* has those that were measured.
    """
    if plan.rates:
        yield from (OpenLoop(course, rate) for rate in plan.rates)
    elif plan.concurrencies:
        yield from (ClosedLoop(course, concurrency) for concurrency in plan.concurrencies)
    else:
        doubled = (2**power for power in itertools.count())
        for concurrency in itertools.takewhile(lambda number: number <= MOST_CONCURRENT, doubled):
            yield ClosedLoop(course, concurrency)
            if not _is_more_useful(done, plan.slo):
                return


def _is_more_useful(done: Sequence[Measurement], slo: float | None) -> bool:
    """
    Tell whether a step with twice the concurrency may have a better result than those that are *done*.
    """
    if not done or (slo is not None and not done[-1].is_within(slo)):
        return False
    highest, without_growth = 0.0, 0
    for step in done:
        grows = step.throughput > highest * _GROWTH
        without_growth = 0 if grows else without_growth + 1
        highest = max(highest, step.throughput)
    return without_growth < _STEPS_WITHOUT_GROWTH
