"""
Requests as tasks of the event loop: as many at once as may be under way.

A thread takes requests and hands them over, as long as the loop begins them. What a blocked loop does not begin waits
in the ring, where the host sees that nobody takes it (`eas_host.workers.liveness`). The loop cannot wait for the ring
itself. That it took what is there while it is busy, and woke the thread only when nothing is, was tried: among 32
requests at once each costs the same, 17 µs of the worker's CPU time for an echo, and a single one 100 instead of 68.

A task is cancelled when its time is up, or its client leaves. What it does with that is its own; it has its place until
it ends.
"""

import asyncio
import inspect
import time
from collections import deque
from collections.abc import AsyncGenerator
from traceback import FrameSummary
from typing import Any, Callable, Iterator

from eas_runtime.ring import RETURNED, RingCall, WorkerRing
from eas_runtime.sdk.asynchronous.async_call import AsyncCall
from eas_runtime.sdk.asynchronous.async_parts import AsyncParts
from eas_runtime.sdk.asynchronous.coroutine_stacks import stack_of
from eas_runtime.sdk.asynchronous.event_loop import NAME, EventLoop
from eas_runtime.sdk.asynchronous.loop_watch import LoopWatch
from eas_runtime.sdk.result_encoder import ResultEncoder
from eas_runtime.sdk.stacks import stack_from, stacks_of
from eas_runtime.stacks import Stack
from eas_runtime.unpatched import SimpleQueue, Thread, start_thread

_BEHIND_SECONDS = 0.1
"""The loop is blocked if it begins none of several requests in this time."""
_GRACE_SECONDS = 1.0
"""How long a task may clean up after it was cancelled, before the log says that it goes on."""
_RECENT = 1.0
"""Seconds within which the host, which has cancelled a request, asks where it was."""
_STACKS_MAX = 8
"""The log has the stacks of so many requests, the oldest."""


class AsyncCalls:
    """
    Calls *process* in *loop*, for up to *limit* requests of *ring* at once. *results* makes answers of what it returns.
    It *watches* whether something blocks the loop, unless that is a debugger.
    """

    def __init__(
        self,
        ring: WorkerRing,
        loop: EventLoop,
        process: "Callable[[bytes], Any]",
        results: ResultEncoder,
        limit: int,
        *,
        watches: bool,
    ) -> None:
        self._ring = ring
        self._loop = loop
        self._process = process
        self._results = results
        self._limit = limit
        self._parts = AsyncParts(loop.loop, ring, results.encode)
        self._calls: dict[tuple[int, int], AsyncCall] = {}
        self._watch = LoopWatch(loop, lambda: bool(self._calls), ring.log) if watches else None
        self._taken = self._begun = self._ended = 0
        self._begun_before = -1  # when the loop was behind, and since when that is so
        self._behind_since = 0.0
        self._waits_for_room = False  # the thread
        self._room: SimpleQueue[None] = SimpleQueue()
        self._cancelled: deque[tuple[float, AsyncCall, list[FrameSummary]]] = deque(maxlen=_STACKS_MAX)
        self._stopped = False
        self._has_logged_goes_on = False
        seen = ring.events()  # before the first request, which may be abandoned before the thread runs
        loop.start()
        self._taker: Thread = start_thread(self._take, "worker-thread-0")
        start_thread(self._wait_for_events, "eas-events", seen)

    def join(self, timeout: "float | None" = None) -> bool:
        """
        End the threads, after `WorkerRing.stop`, in *timeout* seconds at most for each, and tell whether they have
        ended.
        """
        self._stopped = True
        self._room.put(None)
        self._taker.join(timeout)
        return self._loop.end(timeout) and not self._taker.is_alive()

    def stacks(self) -> "list[Stack]":
        """
        Return where the oldest requests are: the one that runs now, and those that wait. A request whose time was up
        has been cancelled by now, so those are among them that were a moment ago.
        """
        assert self._loop.thread is not None  # noqa: S101  the constructor has started it
        stacks: list[Stack | None] = []
        now = time.monotonic()
        for at, one, frames in list(self._cancelled):
            if now - at < _RECENT and self._calls.get(one.call.key) is not one:
                stacks.append(stack_from(frames, NAME, one.start))
        begun = [one for one in list(self._calls.values()) if one.coroutine is not None]
        for one in sorted(begun, key=lambda one: one.start)[:_STACKS_MAX]:
            if getattr(one.coroutine, "cr_running", False):
                stacks += stacks_of([(self._loop.thread, one.start)])
            else:
                stacks.append(stack_from(stack_of(one.coroutine), NAME, one.start))
        return [stack for stack in stacks if stack is not None]

    # -- on threads of their own

    def _take(self) -> None:
        ring = self._ring
        call = ring.enter(0)
        while ring.take(call):
            self._taken += 1
            self._loop.call(self._begin, ring.detach(call))
            while (self._is_full() or self._is_blocked()) and not self._stopped:
                self._waits_for_room = True
                if self._is_full() or self._is_blocked():  # else the loop may not have seen that somebody waits
                    self._room.get()

    def _is_full(self) -> bool:
        return self._taken - self._ended >= self._limit

    def _is_blocked(self) -> bool:
        """
        Tell whether the loop begins nothing of what it was given. Called for each request.
        """
        if self._taken - self._begun <= 1:
            return False
        if self._begun != self._begun_before:
            self._begun_before = self._begun
            self._behind_since = time.monotonic()
        return time.monotonic() - self._behind_since > _BEHIND_SECONDS

    def _wait_for_events(self, seen: int) -> None:
        ring = self._ring
        while not self._stopped:
            ring.wait_for_event(seen)
            now = ring.events()
            if now != seen:
                seen = now
                self._loop.call(self._on_event)

    # -- in the loop

    def _begin(self, call: RingCall) -> None:
        one = AsyncCall(call)
        self._calls[call.key] = one
        if self._watch is not None:
            self._watch.begin()
        one.task = self._loop.loop.create_task(self._run(one))
        self._begun += 1
        self._tell_room()
        if self._ring.is_abandoned(call):  # the event may have come before
            self._cancel(one)

    def _tell_room(self) -> None:
        if self._waits_for_room:
            self._waits_for_room = False
            self._room.put(None)

    async def _run(self, one: AsyncCall) -> None:
        try:
            one.begun = True
            if not one.cancelled:
                await self._answer(one)
        except BaseException as error:  # noqa: BLE001  also sys.exit() costs only its own request
            if not (one.cancelled and isinstance(error, asyncio.CancelledError)):
                self._results.answer_error(one.call, error)
        finally:
            if one.cancelled:
                self._ring.reply(one.call, RETURNED, 0, b"")  # which nobody gets; it may be complete
            del self._calls[one.call.key]
            self._ended += 1
            self._tell_room()

    async def _answer(self, one: AsyncCall) -> None:
        call = one.call
        returned = one.coroutine = self._process(call.input())
        if inspect.isawaitable(returned):
            returned = await returned
        if isinstance(returned, AsyncGenerator):
            returned = returned, 200
        result = self._results.checked(call, returned)
        if result is None:
            return
        data, status = result
        if isinstance(data, bytes):
            self._ring.reply(call, RETURNED, status, data)
        elif hasattr(data, "__anext__") or isinstance(data, Iterator):
            one.coroutine = data
            await self._parts.send(one, data, status)
        else:
            self._ring.reply(call, RETURNED, status, self._results.encode(data))

    def _on_event(self) -> None:
        for one in list(self._calls.values()):
            if not one.cancelled and self._ring.is_abandoned(one.call):
                self._cancel(one)
            elif one.room is not None and not one.room.done():
                one.room.set_result(None)

    def _cancel(self, one: AsyncCall) -> None:
        one.cancelled = True
        self._cancelled.append((time.monotonic(), one, stack_of(one.coroutine)))
        if one.begun and one.task is not None:
            one.task.cancel()
        self._loop.loop.call_later(_GRACE_SECONDS, self._check_cancelled, one)

    def _check_cancelled(self, one: AsyncCall) -> None:
        """
        Say, once, that the task of *one* goes on after it was cancelled.
        """
        if self._calls.get(one.call.key) is not one or self._has_logged_goes_on:
            return
        self._has_logged_goes_on = True
        text = (
            f"process goes on {_GRACE_SECONDS:g} s after it was cancelled, since nobody waits for its answer any more:"
            f" it holds one of {self._limit} places (--max-in-flight) until it ends; let CancelledError pass"
        )
        stack = stack_from(stack_of(one.coroutine), NAME, one.start)
        self._ring.log("W", text if stack is None else f"{text}\n{stack.frames}")
