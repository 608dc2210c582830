"""
The options that may change while the host runs, as properties: what each of them does.
"""

from __future__ import annotations

from collections.abc import Sequence

from eas_host.dispatch.backend import Backend
from eas_host.dispatch.gate import READY
from eas_host.dispatch.rate_limit import TokenBucket
from eas_host.front.deadlines import Deadlines
from eas_host.front.http.response_head import ResponseHeadCache
from eas_host.front.open_connections import OpenConnections
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import Properties
from eas_host.front.settings.readiness import Readiness


class Settings:
    """
    Applies properties to the parts of the front.

    Args:
        state: the service as it is now.
        properties: call the methods of this class with each new value.
        connections: all that are open.
        deadlines: those of the requests under way.
        heads: makes the heads of answers.
        readiness: pauses models.
    """

    def __init__(
        self,
        state: ServiceState,
        properties: Properties,
        *,
        connections: OpenConnections,
        deadlines: Deadlines,
        heads: ResponseHeadCache,
        readiness: Readiness,
    ) -> None:
        self._state = state
        self._properties = properties
        self._connections = connections
        self._deadlines = deadlines
        properties.on("rpc.keepalive", self._set_keepalive)
        properties.on("rpc.max_queue_size", self._set_queue, lambda: state.backends.first.capacity.queue)
        properties.on("rpc.rate_limit", self._set_rate)
        properties.on("rpc.decompressor", self._set_decompressor)
        properties.on("rpc.http.default_headers", heads.set_default_headers)
        properties.on(READY, readiness.set_all, lambda: readiness.effective)

    def reset(self, backends: Sequence[Backend]) -> None:
        """
        Another version serves, with *backends*: apply all settings to it.
        """
        config = self._state.config
        self._properties.reset(config)
        if any(backend.ring.size.threads <= config.worker_threads for backend in backends):
            why = "its threads cannot change while it runs; start the host with another --worker-threads"
            self._properties.lock("rpc.worker_threads", why)

    def _set_keepalive(self, milliseconds: int) -> None:
        """
        Give every exchange *milliseconds*, those under way too.
        """
        seconds = milliseconds / 1000
        self._state.keepalive = seconds
        self._deadlines.change(seconds)
        self._connections.set_keepalive(seconds)

    def _set_decompressor(self, name: str | None) -> None:
        """
        Decompress bodies that come without a Content-Encoding as *name* says; None leaves them as they are.
        """
        self._state.decompressor = name
        self._connections.invalidate_head_caches()

    def _set_rate(self, limit: int) -> None:
        """
        Let *limit* requests pass in a second; 0 sets no bound.
        """
        rate = TokenBucket(limit, self._state.loop.time()) if limit else None
        for backend in self._state.backends.serving:
            backend.dispatcher.set_rate(rate)

    def _set_queue(self, size: int) -> None:
        """
        Let *size* requests wait for each processor.
        """
        for backend in self._state.backends.serving:
            backend.capacity.set_queue(size)
