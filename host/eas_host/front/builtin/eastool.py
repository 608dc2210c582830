"""
A report for whoever wonders why a service does not do what it should.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

import eas_host
from eas_host import answers
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, WRITING, Builtin, text
from eas_host.front.builtin.load import LoadMeter
from eas_host.front.observe.metrics import Metrics
from eas_host.front.observe.request_log import RequestLog
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import HIDDEN, Properties
from eas_host.system.sizes import format_size
from eas_runtime.messages import LogStacks

_LONGEST: Final = 200
"""Characters shown of an option's value: a model's configuration may be a file."""


class Eastool(Builtin):
    """
    `eastool`: a report in text: versions, options, properties, the queue, what workers have of memory, descriptors and
    threads, and the requests in the host with their ages. It also asks the workers to log where their threads are.

    EAS documents the name only; what it does is our choice.
    """

    changes = READING | WRITING

    def __init__(
        self,
        access: Access,
        state: ServiceState,
        metrics: Metrics,
        properties: Properties,
        load: LoadMeter,
        request_log: RequestLog,
    ) -> None:
        super().__init__(access)
        self._state = state
        self._metrics = metrics
        self._properties = properties
        self._load = load
        self._request_log = request_log

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer with the report, and have the workers log where their threads are.
        """
        self._state.send_to_workers(LogStacks("/api/builtin/eastool"))
        sections = (self._host(), self._options(), self._all_properties(), self._queue(), self._requests())
        return text(answers.HANDLED, "\n".join(line for section in sections for line in section))

    def _host(self) -> Iterator[str]:
        import platform  # noqa: PLC0415  nothing else in the front needs it

        state = self._state
        yield f"eas-host {eas_host.__version__}, Python {platform.python_version()}, {platform.platform()}"
        yield f"process {os.getpid()}, up {self._metrics.uptime:.0f} s, {time.strftime('%Y-%m-%d %H:%M:%S %z')}"
        why = state.backends.not_ready
        yield f"service {state.name}: {'ready' if why is None else f'not ready: {why}'}"

    def _options(self) -> Iterator[str]:
        config = self._state.config
        yield ""
        yield "options (* given explicitly):"
        for field in fields(config):
            if "option" in field.metadata:
                value = getattr(config, field.name)
                hidden = field.metadata["option"].secret and value is not None
                mark = "*" if field.name in config.explicit else " "
                yield f"{mark} {field.name} = {HIDDEN if hidden else _abbreviated(value)}"

    def _all_properties(self) -> Iterator[str]:
        yield ""
        yield "properties:"
        for name, value in self._properties.shown().items():
            yield f"  {name} = {_abbreviated(value)}"

    def _queue(self) -> Iterator[str]:
        load = self._load.read()
        yield ""
        yield f"queue: {load.waiting} requests wait, {load.busy} of {load.threads} worker threads are busy"
        deaths = "".join(f", {count} died of {cause}" for cause, count in sorted(load.deaths.items()))
        yield f"connections: {load.connections}, worker restarts: {load.restarts}{deaths}"
        for usage in self._load.worker_usages():
            model = "" if usage.model is None else f"model {usage.model}: "
            yield (
                f"{model}worker {usage.worker}: process {usage.pid}, {format_size(usage.resident_bytes)} in memory,"
                f" {usage.descriptors} open descriptors, {usage.threads} threads"
            )

    def _requests(self) -> Iterator[str]:
        yield ""
        yield "requests in the host (the log says where their threads are):"
        for backend in self._state.backends:
            yield from self._requests_of(backend)

    def _requests_of(self, backend: Backend) -> Iterator[str]:
        for slot in range(backend.ring.size.slots):
            exchange = backend.dispatcher.exchange(slot)
            if exchange is None:
                continue
            waits = backend.dispatcher.is_waiting(exchange)
            state = "waits" if waits else f"runs on worker {backend.ring.phase(slot)[1]}"
            line = self._request_log.line(exchange.head)
            yield f"  {line}: {state}, {self._state.age(exchange):.3f} s since its first byte"


def _abbreviated(value: Any) -> str:  # noqa: ANN401  each option has a type of its own
    whole = repr(value) if isinstance(value, str) else str(value)
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}... ({len(whole)} characters)"
