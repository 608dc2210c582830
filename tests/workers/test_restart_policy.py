"""
When the next process of a worker is started: the policy alone, without processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eas_host.errors import InitializeFailed
from eas_host.ring import Crash
from eas_host.workers.death import Death
from eas_host.workers.restarts import End, Restarts

KEEPALIVE = 5.0


def delays(*ends: End, keepalive: float = KEEPALIVE) -> list[float]:
    restarts = Restarts()
    return [restarts.after(end, keepalive) for end in ends]


def death(
    status: int = -11,
    crash: Crash | None = None,
    ready_for: float | None = 0.1,
    answered: int = 0,
    *,
    proven: bool = False,
    by_host: bool = False,
    says: str | None = None,
) -> Death:
    return Death(status, crash, ready_for, answered, proven, by_host, InitializeFailed(says) if says else None)


@pytest.mark.parametrize(
    ("ended", "end", "cause"),
    [
        (death(), End.EARLY, "crash"),
        (death(answered=1), End.ANSWERED, "crash"),
        (death(answered=1, status=0), End.ANSWERED, "exit"),
        (death(answered=1, status=3, crash=Crash(0, 3, -1, 0, 0, ())), End.ANSWERED, "exit"),
        (death(ready_for=1.0), End.LASTED, "crash"),
        (death(proven=True), End.LASTED, "crash"),
        (death(status=-9, by_host=True), End.LASTED, "unresponsive"),
        (death(status=-9), End.KILLED, "killed"),
        (death(status=-9, answered=7), End.ANSWERED, "killed"),
        (death(status=-9, ready_for=None), End.KILLED, "killed"),
        (death(ready_for=None), End.LOAD_FAILED, "load"),
        (death(ready_for=None, status=3, says="no"), End.LOAD_FAILED, "load"),
        (death(ready_for=0.1, status=3, says="no thread"), End.LOAD_FAILED, "load"),
        (death(ready_for=0.1, status=3, says="no thread", answered=1), End.ANSWERED, "load"),
        (death(ready_for=60.0, status=3, says="no thread"), End.LASTED, "load"),
    ],
)
def test_end_and_cause_of_a_death_are_classified(ended: Death, end: End, cause: str) -> None:
    assert (ended.end, ended.cause) == (end, cause)


def test_process_that_lasted_is_replaced_at_once() -> None:
    assert delays(*[End.LASTED] * 100) == [0.0] * 100


def test_process_that_answered_is_replaced_within_a_tenth_of_a_requests_time() -> None:
    """The first replacement comes at once; later ones wait, and never more than a second."""
    assert delays(*[End.ANSWERED] * 6) == [0.0, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert max(delays(*[End.ANSWERED] * 1000, keepalive=0.3)) == 0.03
    assert max(delays(*[End.ANSWERED] * 1000, keepalive=3600.0)) == 1.0


@pytest.mark.parametrize("end", [End.EARLY, End.KILLED, End.LOAD_FAILED, End.START_FAILED])
def test_delay_doubles_up_to_10_seconds_after_other_ends(end: End) -> None:
    assert delays(*[end] * 9) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert delays(*[end] * 5000)[-1] == 10.0


def test_success_resets_the_delay() -> None:
    """An answer ends a row of ends without one, a process that lasted ends a row of early ends."""
    assert delays(*[End.EARLY] * 7, End.ANSWERED, End.EARLY)[-2:] == [0.5, 0.1]
    assert delays(*[End.ANSWERED] * 7, End.LASTED, End.ANSWERED, End.ANSWERED)[-3:] == [0.0, 0.0, 0.1]


@pytest.mark.parametrize(
    ("ends", "give_up"),
    [
        ([End.LOAD_FAILED] * 2, False),
        ([End.LOAD_FAILED] * 3, True),
        ([End.EARLY] * 3, True),
        ([End.LOAD_FAILED, End.EARLY, End.KILLED, End.LOAD_FAILED], True),
        ([End.LOAD_FAILED] * 2 + [End.LASTED] + [End.LOAD_FAILED] * 2, False),
        ([End.LOAD_FAILED] * 2 + [End.ANSWERED] + [End.LOAD_FAILED] * 2, False),
        ([End.KILLED] * 9, False),
        ([End.KILLED] * 10, True),
        ([End.START_FAILED] * 100, False),
        ([End.ANSWERED] * 100, False),
    ],
)
def test_version_that_never_served_is_given_up_after_3_failures_or_10_kills(ends: Sequence[End], give_up: bool) -> None:
    restarts = Restarts()
    for end in ends:
        restarts.after(end, KEEPALIVE)
    assert restarts.give_up == give_up


@pytest.mark.parametrize(
    ("ends", "worth_waiting"),
    [
        ([], True),
        ([End.ANSWERED] * 100, True),
        ([End.KILLED] * 5, True),
        ([End.KILLED] * 6, False),
        ([End.LOAD_FAILED], False),
        ([End.LOAD_FAILED, End.ANSWERED], True),
    ],
)
def test_requests_wait_only_where_the_next_try_comes_in_time(ends: Sequence[End], worth_waiting: bool) -> None:
    """
    The next try must come in half of their time; requests do not wait where the processor has just failed to load.
    """
    restarts = Restarts()
    for end in ends:
        restarts.after(end, KEEPALIVE)
    assert restarts.worth_waiting(KEEPALIVE) == worth_waiting
