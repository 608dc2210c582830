"""
A host under a debugger. It tells how to ask it, or has a request of its own, after whose answer it ends.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import Callable
from typing import NamedTuple

from eas_host import log
from eas_host.deploy.deployment import Deployment
from eas_host.front.detached_requests import Outcome
from eas_host.service.host import ServiceHost
from eas_host.service.invocation import submit


class OwnRequest(NamedTuple):
    """
    A request with *body*, which the host sends itself. *on_answer* is called with what it was answered.
    """

    body: bytes
    on_answer: Callable[[Outcome], None]


class DebugHost(ServiceHost):
    """
    Serves *deployment*, which `for_debugger` has made. If there is a *request*, it is sent at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deployment: Deployment, request: OwnRequest | None) -> None:
        super().__init__(loop, deployment, lambda: deployment, None)
        self._deployment = deployment
        self._request = request
        self._is_loaded = False

    async def serve_until_stopped(self) -> None:
        """
        Serve until the host is to stop: after its own request, if there is one.

        Raises:
            LoadError: the processor could not be loaded any more.
        """
        self._is_loaded = True
        if self._request is not None:
            _, answered = submit(self.loop, self._deployment, self._backend, self._request.body)
            answered.add_done_callback(self._on_answer)
        await super().serve_until_stopped()

    def _on_answer(self, answered: asyncio.Future[Outcome]) -> None:
        assert self._request is not None  # noqa: S101  it was sent
        if not self.stopping.done():
            self._request.on_answer(answered.result())
            self.stop()

    def _warn_of_root(self) -> None:
        """
        Say nothing: no debugger reaches a worker of another user, and the line would come in the middle of its own.
        """

    def _announce(self) -> None:
        if self._request is not None:
            return
        super()._announce()
        token = self.config.token
        header = "" if token is None else f" -H {shlex.quote(f'Authorization: {token}')}"
        log.announce(f"In another terminal: curl -d hello{header} {self.url}")

    def _on_signal(self, number: signal.Signals) -> None:
        if self.stopping.done():
            super()._on_signal(number)
        elif number != signal.SIGINT or not self._interrupt():
            self.stop()  # without a word: it is the end of the debugger, or what ends it

    def _interrupt(self) -> bool:
        """
        Leave Ctrl+C to the debugger. Returns False if it is for the host.
        """
        return False
