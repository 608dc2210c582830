"""
What all connections of a host share.
"""

from __future__ import annotations

from dataclasses import dataclass

from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.front.admission.admission import Admission
from eas_host.front.admission.preprocess import Preprocessor
from eas_host.front.connection_limit import ConnectionLimit
from eas_host.front.deadlines import Deadlines
from eas_host.front.http.response_head import ResponseHeadCache
from eas_host.front.observe.observer import Observer
from eas_host.front.observe.throttled_log import ThrottledLog
from eas_host.front.open_connections import OpenConnections
from eas_host.front.router import Router
from eas_host.front.service_state import ServiceState


@dataclass(frozen=True)
class ConnectionContext:
    """
    The parts of the front that a connection calls.

    Attributes:
        state: the service as it is now.
        admission: decides about heads.
        preprocessor: takes requests that need more than to be submitted.
        router: takes requests to their processor.
        deadlines: ends what takes too long.
        heads: makes the heads of the processor's answers.
        vary: the header line Vary of the host's own answers.
        observer: is told how exchanges end.
        budget: bounds the memory that clients make the host hold.
        connections: all that are open.
        connection_limit: bounds how many there are.
        throttled_log: logs what clients did wrong.
    """

    state: ServiceState
    admission: Admission
    preprocessor: Preprocessor
    router: Router
    deadlines: Deadlines
    heads: ResponseHeadCache
    vary: str
    observer: Observer
    budget: MemoryBudget
    connections: OpenConnections
    connection_limit: ConnectionLimit
    throttled_log: ThrottledLog
