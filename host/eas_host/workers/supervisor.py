"""
Owns the worker processes: starts them, replaces those that die, and gives up when nothing helps.

A worker goes LOADING -> READY -> (dies) -> LOADING ... One that has served is replaced at once: its death says nothing
about loading. A load that fails waits before the next try, `BACKOFF_FIRST` seconds and twice as long each time;
`LOAD_FAILURES` in a row stop the host. A worker that is killed from outside while it loads has not failed to load, so
it counts only after `LOAD_KILLS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from eas_host import embedding, log
from eas_host.config import HostConfig
from eas_host.config.worker import guess_type
from eas_host.errors import LOAD_ERRORS, InitializeFailed, LoadError
from eas_host.front.dispatch import Dispatcher
from eas_host.ring import Crash, FrontRing
from eas_host.workers import OnMessage
from eas_host.workers.recovery import FROM_OUTSIDE, describe, judge
from eas_host.workers.worker import Process, Spawn, State, Worker

BACKOFF_FIRST: Final = 0.1
BACKOFF_LONGEST: Final = 10.0
LOAD_FAILURES: Final = 3
LOAD_KILLS: Final = 20
PROVEN_SECONDS: Final = 1.0
"""A worker that ends itself sooner, without having had a request, has not served: its load counts as failed."""
STOP_SECONDS: Final = 2.0
"""How long a worker may take to end by itself: exit handlers of the processor run in that time."""


class Supervisor:
    """
    The worker processes of one host.

    Args:
        loop: the front's loop.
        config: how many workers, how many threads, whether to retry.
        spawn: starts them.
        ring: where they take requests from.
        dispatcher: who has requests with them.
        on_fatal: called with the error that stops the host, once serving.
        on_message: called with what they say, and what becomes of them.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        config: HostConfig,
        spawn: Spawn,
        ring: FrontRing,
        dispatcher: Dispatcher,
        on_fatal: Callable[[LoadError], None],
        on_message: OnMessage,
    ) -> None:
        self._loop = loop
        self._config = config
        self._start_process = spawn
        self._ring = ring
        self._dispatcher = dispatcher
        self._on_fatal = on_fatal
        self._on_message = on_message
        self._workers = [Worker(number, config.worker_threads) for number in range(config.worker_processes)]
        self.restarts = 0
        self._started: asyncio.Future[None] = loop.create_future()
        self._started.add_done_callback(lambda started: started.exception())  # perhaps nobody waits for it any more
        self._stopping = False  # what ends from here on is not replaced
        self._ended: asyncio.Future[None] | None = None
        self._failed_loads = 0
        self._killed_loads = 0
        self._blocked = False  # a worker crashed, and is to stay down
        dispatcher.on_alone_done = self._on_alone_done
        dispatcher.on_alone_abandoned = self._on_alone_abandoned

    def run(self, serve: Callable[[], None]) -> None:
        """
        *serve*: the processor is elsewhere.
        """
        serve()

    async def start(self) -> None:
        """
        Start all workers and return when each is ready.

        Raises:
            LoadError: the processor cannot be used. The first failure is final: it would fail again.
        """
        for worker in self._workers:
            self._spawn(worker)
        await asyncio.wait([self._started])  # whoever gives up waiting must not cancel it
        self._started.result()
        self._watch_stuck()

    async def stop(self) -> None:
        """
        Ask all workers to end, and end those that do not.
        """
        self._stopping = True
        self._ended = self._loop.create_future()
        processes = [worker.process for worker in self._workers if worker.process is not None]
        for process in processes:
            process.send({"event": "stop"})
        self._check_ended()
        done, _ = await asyncio.wait([self._ended], timeout=STOP_SECONDS)
        if not done:
            self.kill()
            await self._ended

    def kill(self) -> None:
        """
        End all workers now, for good.
        """
        self._stopping = True
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()

    def tell(self, message: dict[str, Any], worker: int | None = None) -> None:
        """
        Send *message* to *worker*, or to all, as far as they are ready.
        """
        for one in self._workers:
            if worker in (None, one.number) and one.state is State.READY and one.process is not None:
                one.process.send(message)

    # -- life

    def _spawn(self, worker: Worker) -> None:
        if self._stopping or worker.process is not None:
            return
        worker.state = State.LOADING
        worker.load_error = None
        worker.stuck_since = None
        self._ring.reset_worker(worker.number, solo=bool(worker.suspects.slots))
        try:
            worker.process = self._start_process(
                worker.number,
                lambda event: self._on_event(worker, event),
                lambda status: self._on_death(worker, status),
            )
        except OSError as error:
            self._on_failed_start(worker, error)
            return
        worker.failed_starts = 0
        self.restarts += worker.started
        worker.started = True
        log.debug("worker %d: process %d started", worker.number, worker.process.pid)

    def _on_event(self, worker: Worker, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "failed":
            worker.load_error = LOAD_ERRORS.get(event["kind"], LoadError)(event["message"], event["detail"])
        elif kind == "processes":
            self._grow(event["count"])
        elif kind == "ready":
            self._on_ready(worker)
        else:
            if kind == "threads":
                worker.threads = event["count"]
            self._on_message(worker.number, event)

    def _grow(self, count: int) -> None:
        """
        The program wants *count* workers; each has one thread then, unless the program was told otherwise.
        """
        count = min(count, self._ring.shape.workers)
        if count <= len(self._workers) or self._stopping:
            return
        fresh = [Worker(number, self._config.worker_threads) for number in range(len(self._workers), count)]
        self._workers += fresh
        self._on_message(0, {"event": "processes", "count": count})
        for worker in fresh:
            self._spawn(worker)

    def _on_ready(self, worker: Worker) -> None:
        worker.state = State.READY
        worker.ready_at = self._loop.time()
        self._loop.call_later(PROVEN_SECONDS, self._prove, worker, worker.process)
        self._refresh()
        log.debug("worker %d: ready", worker.number)
        self._on_message(worker.number, {"event": "ready"})
        if worker.suspects.slots:
            self._next_alone(worker)
        self._dispatcher.wake()
        if not self._started.done() and all(worker.state is State.READY for worker in self._workers):
            self._started.set_result(None)

    def _prove(self, worker: Worker, process: Process | None) -> None:
        """
        A worker that has lived for a while has loaded: what failed before is forgotten.
        """
        if process is not None and worker.process is process:
            self._failed_loads = self._killed_loads = 0

    def _on_death(self, worker: Worker, status: int) -> None:
        was_ready = worker.state is State.READY
        worker.state = State.DEAD
        worker.process = None
        self._on_message(worker.number, {"event": "died"})
        crash = self._ring.crash(worker.number)
        waiting = set(worker.suspects.slots)
        held = [slot for slot in self._dispatcher.held_by(worker.number) if slot not in waiting]
        stopping = self._stopping
        killed = -status in FROM_OUTSIDE and worker.load_error is None
        proven = killed or bool(held) or self._loop.time() - worker.ready_at >= PROVEN_SECONDS
        blocked = was_ready and not stopping and not killed and self._config.crash_block
        if was_ready and not stopping:
            frames = "".join(f"\n  at {frame}" for frame in crash.frames) if crash is not None else ""
            fate = "it stays down (runtime.enable_crash_block)" if blocked else "it is replaced"
            log.error("worker %d: %s; %s%s", worker.number, describe(crash, status), fate, frames)
        judge(self._dispatcher, held, worker.suspects, crash, status, retry=not (self._config.no_retry or stopping))
        self._refresh()
        if stopping:
            self._check_ended()
        elif blocked:
            self._stay_down()
        elif was_ready and proven:
            self._failed_loads = self._killed_loads = 0
            self._spawn(worker)
        else:
            error = worker.load_error or InitializeFailed(
                f"{self._config.entry}: {describe(crash, status)} while loading it{self._hint(crash)}"
            )
            self._on_failed_load(worker, error, killed=killed)

    def _hint(self, crash: Crash | None) -> str:
        """
        What *crash* while loading tells the author of a processor that is not written in Python itself.
        """
        entry = self._config.entry or ""
        kind = self._config.processor_type or guess_type(Path(entry))
        return "" if crash is None or kind == "python" else embedding.hint(crash.frames)

    def _stay_down(self) -> None:
        """
        A worker has crashed and is not replaced; when no other is left, nobody will take requests any more.
        """
        self._blocked = True
        self._refresh()
        if not any(worker.process is not None for worker in self._workers):
            self._dispatcher.give_up(self._reason())

    def _on_failed_start(self, worker: Worker, error: OSError) -> None:
        """
        The system is out of something. That says nothing about the processor and may pass, so try for ever.
        """
        worker.state = State.DEAD
        text = f"worker {worker.number} cannot be started: {error.strerror}"
        if not self._started.done():
            self._started.set_exception(InitializeFailed(text))
            return
        log.error("%s", text)
        self._spawn_later(worker, worker.failed_starts)
        worker.failed_starts += 1

    def _on_failed_load(self, worker: Worker, error: LoadError, *, killed: bool) -> None:
        if killed:
            self._killed_loads += 1
        final = not killed or self._killed_loads >= LOAD_KILLS
        if not self._started.done() and final:
            self._started.set_exception(error)
        if self._started.done() and self._started.exception() is not None:
            return
        if final:
            self._failed_loads += 1
        log.error("worker %d: %s%s", worker.number, error.message, f"\n{error.detail}" if error.detail else "")
        self._refresh()
        if self._failed_loads >= LOAD_FAILURES:
            self._on_fatal(error)
        elif self._failed_loads == 0:
            self._spawn(worker)
        else:
            self._spawn_later(worker, self._failed_loads - 1)

    def _spawn_later(self, worker: Worker, earlier: int) -> None:
        """
        Try again after a wait that doubles with each of the *earlier* failures, up to the longest.
        """
        # The exponent is bounded, too: failures that go on for hours would overflow the float.
        delay = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** min(earlier, 10))
        self._loop.call_later(delay, self._spawn, worker)

    def _refresh(self) -> None:
        """
        Tell the dispatcher whether there is, or soon will be, somebody to take requests.
        """
        alive = any(worker.state is State.READY for worker in self._workers)
        self._dispatcher.worker_alive = alive
        coming = self._failed_loads == 0 and self._started.done() and not self._blocked
        self._dispatcher.ready = alive or coming
        self._dispatcher.reason = self._reason()

    def _reason(self) -> str:
        """
        Why nobody takes requests, if nobody does.
        """
        if self._blocked:
            return "the processor crashed, and runtime.enable_crash_block keeps it down; the log tells why"
        return "the processor could not be loaded again; the log tells why"

    def _check_ended(self) -> None:
        gone = all(worker.process is None for worker in self._workers)
        if gone and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    # -- suspects, one at a time

    def _next_alone(self, worker: Worker) -> None:
        suspects = worker.suspects
        while suspects.slots:
            slot = suspects.slots.popleft()
            if self._dispatcher.exchange(slot) is None:
                self._dispatcher.run_again(slot)  # nobody waits for it any more: that frees the slot
                continue
            suspects.alone = slot
            self._dispatcher.alone.add(slot)
            self._ring.run_alone(slot, worker.number)
            return
        self._ring.leave_solo(worker.number)

    def _on_alone_done(self, slot: int) -> None:
        for worker in self._workers:
            if worker.suspects.alone == slot:
                worker.suspects.alone = -1
                if worker.state is State.READY:
                    self._next_alone(worker)

    def _on_alone_abandoned(self, slot: int) -> None:
        """
        End the call that nobody waits for: others wait for their turn to run alone.
        """
        for worker in self._workers:
            if worker.suspects.alone == slot and worker.process is not None:
                log.info("worker %d: it ran a suspect that nobody waits for any more; it is replaced", worker.number)
                worker.process.kill()

    # -- workers whose threads are all stuck

    def _watch_stuck(self) -> None:
        """
        Once a second: replace a worker each of whose threads is busy with a request that was answered 408 long ago.

        No language has a way to interrupt such a call. While one thread is left the worker serves on; when none is, the
        host would answer nothing any more.
        """
        if self._stopping:
            return
        self._loop.call_later(1.0, self._watch_stuck)
        now = self._loop.time()
        for worker in self._workers:
            stuck = worker.state is State.READY and 0 < worker.threads <= self._dispatcher.abandoned_by(worker.number)
            if not stuck or worker.process is None:
                worker.stuck_since = None
            elif worker.stuck_since is None:
                worker.stuck_since = now
            elif now - worker.stuck_since > self._config.keepalive / 1000:
                log.error(
                    "worker %d: all %d threads are stuck in calls that nobody waits for any more; it is killed",
                    worker.number,
                    worker.threads,
                )
                worker.stuck_since = None
                worker.process.kill()
