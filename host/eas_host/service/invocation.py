"""
Calls a processor without serving it, one call after another or several at once: one worker, no port, no retry.

The version is loaded as a host loads it, and its front exists, but nothing listens. So what a call does, and how its
worker's death is explained, is what a service would show.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

from eas_host import answers
from eas_host.deploy.deployment import Deployment
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import Exchange, RequestHead
from eas_host.errors import InitializeFailed
from eas_host.front.detached_requests import DetachedResponder, Outcome
from eas_host.front.front import Front
from eas_host.service.host import make_loop
from eas_host.service.service_version import ServiceVersion
from eas_host.system.memory import resident_bytes
from eas_runtime.messages import LogStacks

ENDLESS: Final = 86_400_000
"""Milliseconds that a call may take unless the options say otherwise: the longest time that they allow."""
_T = TypeVar("_T")


class Invocation(NamedTuple):
    """
    One call.

    Attributes:
        number: of its body.
        outcome: what it was answered.
        seconds: how long it took.
        resident: bytes of the worker's memory after it; None if the call has ended the worker.
    """

    number: int
    outcome: Outcome
    seconds: float
    resident: int | None


class Calls(NamedTuple):
    """
    So many calls (*times*), *at_once* of which run at the same time. Each is passed to *on_call* when it is answered.
    """

    times: int
    at_once: int
    on_call: Callable[[Invocation], None]


class Loaded(NamedTuple):
    """
    What is known of a processor that was loaded: how many *seconds* that took, and how many *threads* call it.
    """

    seconds: float
    threads: int


def invoke(deployment: Deployment, bodies: Sequence[bytes], calls: Sequence[Calls]) -> Loaded:
    """
    Load the first processor of *deployment* and make *calls* of it, with *bodies* by turns, or until one ends the
    worker.

    Raises:
        HostError: it cannot be loaded.
        KeyboardInterrupt: a signal has ended it.
    """
    config = replace(
        deployment.config, worker_processes=1, isolation="process", no_retry=True, crash_block=True, reload=False
    )
    deployment = replace(deployment, config=config, processors=deployment.processors[:1])
    loop = make_loop()
    try:
        return loop.run_until_complete(_Session(loop, deployment).run(bodies, calls))
    finally:
        deployment.discard()


def submit(
    loop: asyncio.AbstractEventLoop, deployment: Deployment, backend: Backend, body: bytes
) -> tuple[Exchange, asyncio.Future[Outcome]]:
    """
    Submit a request with *body* to *backend*, of *deployment*.

    Returns:
        The request, and its answer to come.

    Raises:
        InitializeFailed: it is refused.
    """
    answered: asyncio.Future[Outcome] = loop.create_future()
    head = RequestHead()
    head.method, head.url, head.backend = b"POST", f"/api/predict/{quote(deployment.name)}".encode(), backend
    until = loop.time() + deployment.config.keepalive / 1000
    exchange = Exchange(DetachedResponder(answered.set_result), until, head, body, True)
    exchange.size = len(body)
    refused = backend.submit(exchange)
    if refused is not None:
        raise InitializeFailed(refused.text)
    return exchange, answered


class _Session:
    """
    A front and a version, for as long as the calls take.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deployment: Deployment) -> None:
        self._loop = loop
        self._deployment = deployment
        self._front = Front(loop, deployment.config, lambda: None)
        self._interrupted: asyncio.Future[None] = loop.create_future()

    async def run(self, bodies: Sequence[bytes], calls: Sequence[Calls]) -> Loaded:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._interrupt)
        version = ServiceVersion(self._front, self._deployment, lambda _: None)
        backend = version.backends[0]
        try:
            start = time.monotonic()
            await self._unless_interrupted(version.load())
            loaded = time.monotonic() - start
            self._front.serve(self._deployment.name, self._deployment.config, version.backends)
            for part in calls:
                if not await self._unless_interrupted(self._make(part, backend, bodies)):
                    break
            return Loaded(loaded, backend.capacity.threads_of(0))
        finally:
            self._front.close()
            await version.end()  # what the workers still say of a late call is read first

    def _interrupt(self) -> None:
        if not self._interrupted.done():
            self._interrupted.set_exception(KeyboardInterrupt())

    async def _unless_interrupted(self, work: Coroutine[None, None, _T]) -> _T:
        task = self._loop.create_task(work)
        first: list[asyncio.Future[Any]] = [task, self._interrupted]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            self._interrupted.result()
        return task.result()

    async def _make(self, calls: Calls, backend: Backend, bodies: Sequence[bytes]) -> bool:
        """
        Make *calls*. Returns whether the worker still lives.
        """
        numbers = iter(range(calls.times))
        lives = True

        async def make_one_after_another() -> None:
            nonlocal lives
            for number in numbers:
                call = await self._call(backend, number % len(bodies), bodies)
                calls.on_call(call)
                lives = lives and call.resident is not None
                if not lives:
                    return

        await asyncio.gather(*(make_one_after_another() for _ in range(calls.at_once)))
        return lives

    async def _call(self, backend: Backend, number: int, bodies: Sequence[bytes]) -> Invocation:
        seconds = self._deployment.config.keepalive / 1000
        start = time.monotonic()
        exchange, answered = submit(self._loop, self._deployment, backend, bodies[number])
        done, _ = await asyncio.wait([answered], timeout=seconds)
        if not done:
            backend.abandon(exchange)
            late = f"the call took longer than {seconds:g} s (--keepalive)"
            backend.workers.send(LogStacks(f"408: {late}"))
            outcome = Outcome(answers.TIMED_OUT.status, late.encode())
            answered.cancel()
        else:
            outcome = answered.result()
        took = time.monotonic() - start
        pids = list(backend.workers.pids.values())
        return Invocation(number, outcome, took, resident_bytes(pids[0]) if pids else None)
