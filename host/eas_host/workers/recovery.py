"""
What becomes of the requests that a dead worker was running.

Three cases, in this order:

1. The crash handler named the request. That one answers 500; those that ran beside it run again.
2. Nothing names it (`kill -9`, `_exit`) and one request ran alone. If the worker ended itself, that request did it, and
   answers 500. If it was killed from outside (a person, a script, the kernel for want of memory), one death proves
   little, so it takes `ALONE_KILLS` of them.
3. Nothing names it and several ran. All are suspects and run again, one at a time, which leads to case 2.

With `--no-retry` nothing runs again: all of them answer 500.
"""

from __future__ import annotations

import signal
from collections import deque
from typing import Final

from eas_host.front.dispatch import Dispatcher
from eas_host.ring import Crash

ALONE_KILLS: Final = 3
"""Kills from outside that a request must suffer alone before it is held to be their cause."""

_NAMES: Final = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "abort",
    signal.SIGFPE: "arithmetic error",
    signal.SIGBUS: "bus error",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed from outside, or by the kernel for want of memory",
}
FROM_OUTSIDE: Final = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that people, scripts and the kernel send; a processor's own faults come as others."""
_WITH_ADDRESS: Final = frozenset({signal.SIGSEGV, signal.SIGBUS})


class Suspects:
    """
    The requests of one worker that are to run alone.

    Attributes:
        slots: those that wait for it.
        alone: the one that runs alone now, -1 for none.
    """

    def __init__(self) -> None:
        self.slots: deque[int] = deque()
        self.alone = -1


def judge(
    dispatcher: Dispatcher, held: list[int], suspects: Suspects, crash: Crash | None, status: int, *, retry: bool
) -> None:
    """
    Decide what becomes of the requests in the slots *held* by a worker that died.

    Args:
        dispatcher: answers them or queues them again.
        held: the slots that it was running, without those that wait as suspects already.
        suspects: those to run alone; gets more.
        crash: what its crash handler recorded.
        status: its exit status.
        retry: whether anything may run again.
    """
    alone, suspects.alone = suspects.alone, -1
    dispatcher.alone.discard(alone)
    if alone >= 0 and alone not in held and dispatcher.exchange(alone) is not None:
        suspects.slots.appendleft(alone)  # the worker died before it took it
    text = f"{describe(crash, status)} while the processor ran this request"
    for slot in held:
        exchange = dispatcher.exchange(slot)
        named = crash is not None and crash.slot in held
        if exchange is None or (named and crash is not None and slot == crash.slot) or not retry:
            dispatcher.fail(slot, text)
        elif named:
            dispatcher.run_again(slot)
        elif slot == alone and len(held) == 1 and _guilty(exchange.alone_kills, status):
            dispatcher.fail(slot, text)
        elif slot == alone:
            exchange.alone_kills += 1
            suspects.slots.appendleft(slot)
        else:
            suspects.slots.append(slot)


def _guilty(earlier_kills: int, status: int) -> bool:
    return -status not in FROM_OUTSIDE or earlier_kills + 1 >= ALONE_KILLS


def describe(crash: Crash | None, status: int | None, who: str = "the worker process") -> str:
    """
    Say in a few words how a worker ended. Without a *status* nobody could ask the system.
    """
    if crash is not None and crash.signal == 0:
        return f"the processor called exit({crash.code})"
    if crash is None and status is None:
        return f"{who} has ended"
    number = crash.signal if crash is not None else -(status or 0)
    if number <= 0:
        return f"{who} ended itself with exit code {status}"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    meaning = f" ({_NAMES[number]})" if number in _NAMES else ""  # type: ignore[index]  # Signals are ints
    address = f" at address {crash.address:#x}" if crash is not None and number in _WITH_ADDRESS else ""
    return f"{who} died of {name}{meaning}{address}"
