"""
Decides what becomes of the requests that a dead worker was running.

Three cases, in this order:

1. The crash handler named the request. That one answers 500; those that ran beside it run again.
   If it named a thread that ran several, as one batch, these are suspects, as in case 3, and the others run again.
2. Nothing names it (`kill -9`), and one request ran alone in a process that had answered nothing before.
   If the process ended itself, that request did it, and answers 500. If it was killed from outside (a person, a script,
   the kernel for want of memory), one death proves little, so it takes `SOLO_KILLS` of them.
3. Nothing names it, and several ran; or one ran, but the process had answered others, any of which may have left
   something behind that ended it: a thread that ends the process later, a limit on its memory. All that ran are
   suspects and run again, one at a time, first of all in the next process: which leads to case 2.

An answer that has begun in parts cannot begin again: its connection is cut, whatever ended the process.

With `--no-retry` nothing runs again: all of them answer 500.

With `--crash-block` there is no next process for the suspects of one that ended itself. On another worker they could
not run alone, and the one that caused the death would take that worker down for good, then the next, until none is
left. So all that ran answer 500 (`end_quarantine`). Those that only waited to run alone did not cause it, and run again
on other workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from eas_host.crash_reports.report import CrashReport
from eas_host.crash_reports.reporter import CrashReporter
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.dispatch.responses import ErrorResponse
from eas_host.workers.death import EXTERNAL_SIGNALS

SOLO_KILLS: Final = 3
"""Kills from outside that a request must suffer alone before it is held to be their cause."""


class QuarantinedRequests:
    """
    The requests of one worker that are to run alone.

    Attributes:
        slots: the slots of those that wait for that.
        solo: the slot of the one that runs alone now, -1 for none.
    """

    def __init__(self) -> None:
        self.slots: deque[int] = deque()
        self.solo = -1

    @property
    def busy(self) -> bool:
        """
        Whether the worker has any, and so takes nothing else.
        """
        return self.solo >= 0 or bool(self.slots)


def recover(
    dispatcher: Dispatcher,
    held: list[int],
    suspects: QuarantinedRequests,
    report: CrashReport,
    reporter: CrashReporter,
    *,
    fresh: bool,
    retry: bool,
) -> bool:
    """
    Decide what becomes of the requests in the slots *held* by a worker that died. Returns whether one of them is known,
    or assumed, to have caused that.

    Args:
        dispatcher: answers them or queues them again.
        held: the slots that it was running, without those that wait as suspects already.
        suspects: those to run alone; further ones are added.
        report: says how it died.
        reporter: adds the requests that are failed to it.
        fresh: whether it had answered nothing before.
        retry: whether anything may run again.
    """
    _, status, crash, by_host, superseded = report.process
    solo, suspects.solo = suspects.solo, -1
    dispatcher.forget_solo(solo)
    if solo >= 0 and solo not in held and dispatcher.exchange(solo) is not None:
        suspects.slots.appendleft(solo)  # the worker died before it took it

    def fail(slot: int) -> None:
        # Of the calls that nobody waits for any more, those are of interest for which the host has killed the worker.
        if by_host or dispatcher.exchange(slot) is not None or (crash is not None and slot == crash.slot):
            reporter.add(report, slot)
        dispatcher.fail(slot, report.error_response())

    report.calls = len({dispatcher.thread(slot) for slot in held})
    named = crash is not None and crash.slot in held
    batch = {slot for slot in held if dispatcher.thread(slot) == crash.thread} if crash is not None else set()
    proven = named or (bool(held) and not retry)
    for slot in held:
        exchange = dispatcher.exchange(slot)
        if exchange is None or exchange.in_parts or (crash is not None and slot == crash.slot) or not retry:
            fail(slot)
        elif named or superseded or (batch and slot not in batch):
            dispatcher.run_again(slot)
        elif slot == solo and len(held) == 1 and fresh:
            proven = _caused_death(exchange.solo_kills, status)
            if proven:
                fail(slot)
            else:
                exchange.solo_kills += 1
                suspects.slots.appendleft(slot)
        elif slot == solo:
            suspects.slots.appendleft(slot)
        else:
            suspects.slots.append(slot)
    return proven


def end_quarantine(
    dispatcher: Dispatcher, suspects: QuarantinedRequests, held: Sequence[int], error_response: ErrorResponse
) -> None:
    """
    Answer those of *suspects* that are in the slots *held*, which the last process ran, with *error_response*, and
    queue the others for any worker, since no process will run them alone any more. Frees the slots that nobody waits
    for.
    """
    while suspects.slots:
        slot = suspects.slots.popleft()
        if slot in held:
            dispatcher.fail(slot, error_response)
        else:
            dispatcher.run_again(slot)


def _caused_death(earlier_kills: int, status: int | None) -> bool:
    return status is None or -status not in EXTERNAL_SIGNALS or earlier_kills + 1 >= SOLO_KILLS
