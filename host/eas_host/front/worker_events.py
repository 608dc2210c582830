"""
Hands what workers say, and what is said about them, to the parts of the front that act on it.
"""

from __future__ import annotations

from eas_host import log
from eas_host.dispatch.backend import WorkerId
from eas_host.dispatch.gate import READY
from eas_host.front.builtin import Builtins
from eas_host.front.open_connections import OpenConnections
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import Properties, Source
from eas_host.front.settings.readiness import Readiness
from eas_runtime.messages import Died, HandlerAnswered, HandlerInjected, Message, PropertyPut, Ready


class WorkerEvents:
    """
    Receives the messages of the workers of backends that serve, and of retired ones.

    Args:
        state: the service as it is now.
        properties: take what programs put.
        readiness: learns of programs that take no requests.
        builtins: learn of the handlers that programs bring.
        connections: know heads, which a new handler may concern.
    """

    def __init__(
        self,
        state: ServiceState,
        properties: Properties,
        readiness: Readiness,
        builtins: Builtins,
        connections: OpenConnections,
    ) -> None:
        self._state = state
        self._properties = properties
        self._readiness = readiness
        self._builtins = builtins
        self._connections = connections
        self._loaded: set[WorkerId] = set()  # workers whose programs are ready

    def receive(self, worker: WorkerId, message: Message) -> None:
        """
        Handle a *message* of *worker*, or about its life: `Ready`, `Died`.
        """
        if worker.backend.retired and isinstance(message, (PropertyPut, HandlerInjected)):
            return  # it speaks for a version that serves no more
        if isinstance(message, PropertyPut):
            self._put(worker, message)
        elif isinstance(message, Ready):
            self._loaded.add(worker)
            self._state.has_served = True
            self._properties.rebroadcast()
            self._readiness.rebroadcast()
            self._builtins.on_ready(worker)
        elif isinstance(message, Died):
            self._loaded.discard(worker)
            self._builtins.on_death(worker)
        elif isinstance(message, HandlerAnswered):
            self._builtins.on_message(worker, message)
        elif isinstance(message, HandlerInjected):
            self._builtins.on_message(worker, message)
            self._connections.invalidate_head_caches()  # another handler may answer a path now
        else:
            log.warning("worker %d: a message that is not for the front: %s", worker.number, message.event)

    def _put(self, worker: WorkerId, message: PropertyPut) -> None:
        """
        Take a property that the program of *worker* puts. By `model.ready` it means its own model alone.
        """
        source = Source.RUNNING if worker in self._loaded else Source.LOADING
        if message.name != READY or worker.backend.name is None:
            self._properties.put(message.name, message.value, source, message.origin)
        elif source is Source.RUNNING or not self._properties.is_settled(READY):
            self._readiness.put(worker, message)
