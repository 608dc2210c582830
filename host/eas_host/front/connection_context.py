"""
What all connections of a host share.
"""

from __future__ import annotations

from dataclasses import dataclass

from eas_host.front.admission import Admission
from eas_host.front.budget import Budget
from eas_host.front.crowd import Crowd
from eas_host.front.deadlines import Deadlines
from eas_host.front.intake import Intake
from eas_host.front.observer import Observer
from eas_host.front.open_connections import OpenConnections
from eas_host.front.router import Router
from eas_host.front.state import ServiceState
from eas_host.front.throttled_log import ThrottledLog
from eas_host.front.wire import Heads


@dataclass(frozen=True)
class ConnectionContext:
    """
    The parts of the front that a connection calls.

    Attributes:
        state: the service as it is now.
        admission: decides about heads.
        intake: takes requests that need more than to be submitted.
        router: takes requests to their processor.
        deadlines: ends what takes too long.
        heads: makes the heads of the processor's answers.
        vary: the header line of the host's own answers.
        observer: is told how exchanges end.
        budget: bounds the memory that clients make the host hold.
        connections: all that are open.
        crowd: bounds how many there are.
        throttled_log: says what clients did wrong.
    """

    state: ServiceState
    admission: Admission
    intake: Intake
    router: Router
    deadlines: Deadlines
    heads: Heads
    vary: str
    observer: Observer
    budget: Budget
    connections: OpenConnections
    crowd: Crowd
    throttled_log: ThrottledLog
