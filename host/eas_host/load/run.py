"""
A run: its loop, its steps, and the signals that end it early.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import NamedTuple

import uvloop

from eas_host.load.driver import Course
from eas_host.load.measurement import Measurement
from eas_host.load.service import Requests, parse_url
from eas_host.load.sweep import Plan, run_steps


class Run(NamedTuple):
    """
    What a run does.

    Attributes:
        plan: its steps.
        bodies: of the requests, which have them in turn.
        token: is sent in the header `Authorization`, if there is one.
        seconds: for how long a step sends requests.
        timeout: seconds for the answers that are missing then.
    """

    plan: Plan
    bodies: Sequence[bytes]
    token: str | None
    seconds: float
    timeout: float

    def measure(
        self, url: str, front: int | None, on_step: Callable[[Measurement], None]
    ) -> tuple[list[Measurement], bool]:
        """
        Load the service at *url*. *front* is the pid of its front, if that is ours. Each step is passed to *on_step*.

        Returns:
            What was measured, and whether a signal has ended it.

        Raises:
            NoAnswer: the service does not answer.
        """
        service = parse_url(url)
        requests = Requests(service, self.bodies, self.token)
        loop = uvloop.new_event_loop()
        try:
            interrupted: asyncio.Future[None] = loop.create_future()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, _interrupt, interrupted)
            course = Course(service, requests, self.seconds, self.timeout, interrupted)
            steps = loop.run_until_complete(run_steps(course, self.plan, front, on_step))
            return steps, interrupted.done()
        finally:
            loop.close()


def _interrupt(interrupted: asyncio.Future[None]) -> None:
    if not interrupted.done():
        interrupted.set_result(None)
