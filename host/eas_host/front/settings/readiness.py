"""
Models that take no requests although they could: `model.ready` is 0.

An operator pauses the whole service. The program of a model pauses its own model only, so that the others of the
service go on; where there is one model that is the same. The newest value counts. Only the dispatchers know which
models are paused.
"""

from __future__ import annotations

from eas_host import log
from eas_host.dispatch.backend import Backend, WorkerId
from eas_host.dispatch.gate import READY
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import read
from eas_runtime.messages import PropertyPut


class Readiness:
    """
    Pauses and resumes the models that *state* has.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    def set_all(self, ready: bool) -> None:
        """
        Let all models of the service take requests, or pause all of them.
        """
        for backend in self._state.backends.serving:
            backend.dispatcher.set_paused(not ready)

    @property
    def effective(self) -> str:
        """
        The property's value: whether all models take requests.
        """
        return str(int(not any(backend.dispatcher.paused for backend in self._state.backends.serving)))

    def put(self, worker: WorkerId, message: PropertyPut) -> None:
        """
        Take the value that the program in *worker* puts by *message*, for its own model.
        """
        try:
            paused = not read(READY, message.value)
        except ValueError as error:
            log.warning("property %s", error)
            return
        if worker.backend.dispatcher.paused is not paused:
            worker.backend.dispatcher.set_paused(paused)
            self._send(worker.backend, message.value, message.origin)

    def rebroadcast(self) -> None:
        """
        Tell the workers of paused models again that they are: one of them has loaded just now and cannot know.
        """
        for backend in self._state.backends.serving:
            if backend.dispatcher.paused and backend.name is not None:
                self._send(backend, "0")

    def _send(self, backend: Backend, value: str, origin: tuple[int, int] | None = None) -> None:
        backend.workers.send(PropertyPut(READY, value, origin))
