"""
What changes while a host runs, for all parts of the front that must know it at any moment.
"""

from __future__ import annotations

import asyncio

from eas_host.config import HostConfig
from eas_host.dispatch.exchange import Exchange
from eas_host.front.backends import Backends
from eas_runtime.messages import Message


class ServiceState:
    """
    The service as it is now.

    Attributes:
        loop: runs the front.
        config: the options of the version that serves.
        name: the service's name.
        backends: those of the version that serves, and retired ones.
        keepalive: seconds that one exchange may take.
        decompressor: how bodies are compressed that do not say it themselves (`rpc.decompressor`).
        has_served: whether a worker has ever been ready.
        draining: whether the host is stopping: each answer closes its connection.
        answers_are_plain: whether answers need nothing special: the host is not stopping, there is no access log, and
            answers need not be explained.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig) -> None:
        self.loop = loop
        self.config = config
        self.name = ""
        self.backends = Backends()
        self.keepalive = config.keepalive / 1000
        self.decompressor: str | None = config.decompressor
        self.has_served = False
        self.draining = False
        self.answers_are_plain = not (config.access_log or config.explain)

    def age(self, exchange: Exchange) -> float:
        """
        Seconds since the first byte of *exchange*.
        """
        began = exchange.deadline - self.keepalive if exchange.began is None else exchange.began
        return self.loop.time() - began

    def send_to_workers(self, message: Message) -> None:
        """
        Send *message* to all workers of the version that serves, as far as they are ready.
        """
        self.backends.send(message)
