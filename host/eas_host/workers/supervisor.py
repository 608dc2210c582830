"""
Owns the worker processes: starts them, and replaces those that die.

A worker goes LOADING -> READY -> (dies) -> LOADING ... `restarts` decides when the next process is started, `recovery`
what becomes of the requests that the dead one ran, and `liveness` which of the living ones must be killed.

Only a version that has never served is given up. If the first load of a worker fails, that is final, unless it was
killed from outside. From then on the version is on trial until it has answered a request, or one of its processes has
been ready for a second (`proven`); in that time a row of failures stops the host. A proven version is tried for ever:
while none of its workers is ready, requests wait if the next try comes soon enough for them; otherwise they are
answered 503, with the time to come back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.config import HostConfig
from eas_host.crash_reports.report import CrashReport, DeadProcess
from eas_host.crash_reports.reporter import CrashReporter
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.workers import SPARE_WORKERS
from eas_host.errors import LOAD_ERRORS, LoadError, SystemShortage
from eas_host.make_spec import guess_type
from eas_host.ring import Crash
from eas_host.worker.cpp import native_worker
from eas_host.workers.death import Death, describe
from eas_host.workers.liveness import Liveness
from eas_host.workers.recovery import end_quarantine, recover
from eas_host.workers.restarts import PROVEN_SECONDS, End
from eas_host.workers.solo_runner import SoloRunner
from eas_host.workers.successors import Successors
from eas_host.workers.worker import Spawn, State, Worker
from eas_runtime.messages import Died, LoadFailed, LogStacks, Message, ProcessCount, Ready, Stop, ThreadCount

STOP_SECONDS: Final = 2.0
"""How long a worker may take to end by itself: exit handlers of the processor run in that time."""
LEAKS_SECONDS: Final = 60.0
"""The same with --leaks: all memory is searched for pointers."""


class Supervisor:
    """
    The worker processes of one backend.

    Args:
        loop: the front's loop.
        config: how many workers, how many threads, whether to retry.
        spawn: starts them.
        backend: has the ring where they take requests from, and gets their messages and the news of their deaths.
        keepalive: returns how many seconds a request may take now.
        on_fatal: called, once, with the error that stops the host: the version was started and has never served.
        reporter: reports the deaths.

    Attributes:
        restarts: the processes started in place of dead ones.
        deaths: how many processes have ended, by their causes (`Death.cause`).
        leaves_threads: False; see `dispatch.workers`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        config: HostConfig,
        spawn: Spawn,
        backend: Backend,
        keepalive: Callable[[], float],
        on_fatal: Callable[[LoadError], None],
        reporter: CrashReporter,
    ) -> None:
        self._loop = loop
        self._config = config
        self._start_process = spawn
        self._ring = ring = backend.ring
        self._dispatcher = dispatcher = backend.dispatcher
        self._keepalive = keepalive
        self._on_fatal = on_fatal
        self._on_message = backend.on_message
        self._reporter = reporter
        # Unless the user has asked for that, it goes without saying: nothing is served (`service.invocation`).
        self._crash_block = " (runtime.enable_crash_block)" if "crash_block" in config.explicit else ""
        confined = "--sandbox" if config.sandbox else "--user" if config.user else ""
        self._missing_copy = (
            f"; there is no copy of its process for gdb, since with {confined} nobody may look into a worker:"
            " --crash-dir keeps its report"
            if self._crash_block and confined
            else ""
        )
        self._workers = [Worker(number, config.worker_threads) for number in range(config.worker_processes)]
        self._solo_runner = SoloRunner(loop, self._workers, ring, dispatcher)
        self._successors = Successors(self._workers, ring.size.workers, self._spawn)
        self._liveness = Liveness(
            loop, self._workers, ring, dispatcher, keepalive, config.hang_timeout, self._successors.begin
        )
        self.restarts = 0
        self.leaves_threads = False  # of the processes none is left
        self.deaths: Counter[str] = Counter()
        self._started: asyncio.Future[None] = loop.create_future()
        self._started.add_done_callback(lambda started: started.exception())  # perhaps nobody waits for it any more
        self._stopping = False  # what ends from here on is not replaced
        self._ended: asyncio.Future[None] | None = None
        self._lasted = False  # whether one of the dead processes had been ready for long enough
        self._given_up = False

    def run(self, serve: Callable[[], None]) -> None:
        """
        Call *serve* at once: the processor is in other processes, and does not need this thread.
        """
        serve()

    @property
    def proven(self) -> bool:
        """
        Whether the processor has served. From then on no death of a worker means that it cannot be loaded.
        """
        return self._lasted or self._dispatcher.completed > 0 or any(map(self._has_lasted, self._workers))

    @property
    def pids(self) -> dict[int, int]:
        """
        The worker processes that run now, by the number of their worker.
        """
        return {worker.number: worker.process.pid for worker in self._workers if worker.process is not None}

    async def start(self) -> None:
        """
        Start all workers and return when each is ready.

        Raises:
            LoadError: the processor cannot be used. The first failure is final, since it would fail again.
        """
        for worker in self._workers:
            self._spawn(worker)
        await asyncio.wait([self._started])  # not awaited itself: a cancelled `start` must not cancel it
        self._started.result()
        if not self._stopping:
            self._liveness.start()

    async def stop(self) -> None:
        """
        Ask all workers to end, and kill those that have not after `STOP_SECONDS`.
        """
        self._stopping = True
        self._liveness.close()
        self._ended = self._loop.create_future()
        processes = [worker.process for worker in self._workers if worker.process is not None]
        for process in processes:
            process.send(Stop())
        self._check_ended()
        done, _ = await asyncio.wait([self._ended], timeout=LEAKS_SECONDS if self._config.leaks else STOP_SECONDS)
        if not done:
            self.kill()
            await self._ended

    def kill(self) -> None:
        """
        Kill all workers now; none is replaced.
        """
        self._stopping = True
        self._liveness.close()
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()

    def take_suspects(self) -> list[int]:
        """
        Give up the requests that wait to run alone, and return their slots.
        """
        slots = [slot for worker in self._workers for slot in worker.suspects.slots]
        for worker in self._workers:
            worker.suspects.slots.clear()
        return slots

    def send(self, message: Message, worker: int | None = None) -> None:
        """
        Send *message* to *worker*, or to all, as far as they are ready. Only where it is, a worker says at any time.
        """
        for one in self._workers:
            ready = one.state is State.READY or isinstance(message, LogStacks)
            if worker in (None, one.number) and ready and one.process is not None:
                one.process.send(message)

    # -- life

    def _spawn(self, worker: Worker) -> None:
        if self._stopping or worker.process is not None:
            return
        self._ring.reset_worker(worker.number, solo=worker.suspects.busy)
        worker.begin_loading(self._ring.completed(worker.number))
        try:
            worker.process = self._start_process(
                worker.number,
                lambda message: self._on_worker_message(worker, message),
                lambda status, crash: self._on_death(worker, status, crash),
            )
        except OSError as error:
            self._on_failed_start(worker, error)
            return
        self.restarts += worker.started
        worker.started = True
        log.debug("worker %d: process %d started", worker.number, worker.process.pid)

    def _on_worker_message(self, worker: Worker, message: Message) -> None:
        if isinstance(message, LoadFailed):
            worker.load_error = LOAD_ERRORS.get(message.kind, LoadError)(message.message, message.detail)
        elif isinstance(message, ProcessCount):
            self._scale_up(message.count)
        elif isinstance(message, Ready):
            self._on_ready(worker)
        else:
            if isinstance(message, ThreadCount):
                worker.threads = message.count
                worker.reads = message.reads
            self._on_message(worker.number, message)

    def _scale_up(self, count: int) -> None:
        """
        Start more workers until there are *count*, as the program wants, or as many as the ring has room for. Each has
        one thread then, unless the options say otherwise.
        """
        count = min(count, self._ring.size.workers - SPARE_WORKERS)
        if count <= len(self._workers) or self._stopping:
            return
        numbers = self._successors.free_numbers()[: count - len(self._workers)]
        fresh = [Worker(number, self._config.worker_threads) for number in numbers]
        self._workers += fresh
        self._on_message(0, ProcessCount(count))
        for worker in fresh:
            self._spawn(worker)

    def _on_ready(self, worker: Worker) -> None:
        worker.state = State.READY
        worker.ready_at = self._loop.time()
        self._refresh()
        log.debug("worker %d: ready", worker.number)
        self._on_message(worker.number, Ready())
        self._solo_runner.begin(worker)
        self._dispatcher.wake()
        self._successors.ready(worker)
        if not self._started.done() and all(worker.state is State.READY for worker in self._workers):
            self._started.set_result(None)

    def _has_lasted(self, worker: Worker) -> bool:
        return worker.state is State.READY and self._loop.time() - worker.ready_at >= PROVEN_SECONDS

    def _on_death(self, worker: Worker, status: int, crash: Crash | None) -> None:
        ready_for = self._loop.time() - worker.ready_at if worker.state is State.READY else None
        self._lasted = self._lasted or self._has_lasted(worker)
        report = self._report(worker, crash, status)
        worker.state = State.DEAD
        worker.process = None
        self._on_message(worker.number, Died())
        waiting = set(worker.suspects.slots)
        held = [slot for slot in self._dispatcher.held_by(worker.number) if slot not in waiting]
        answered = self._ring.completed(worker.number) - worker.completed_before
        retry = not (self._config.no_retry or self._stopping)
        # A process that could not start all its threads has ended for want of them, not by what it ran on the others.
        fresh = answered == 0 and worker.load_error is None
        proven = recover(self._dispatcher, held, worker.suspects, report, self._reporter, fresh=fresh, retry=retry)
        replaced = self._successors.is_replaced(worker)
        self._refresh()
        if self._stopping:
            self._check_ended()
            return
        death = Death(status, crash, ready_for, answered, proven, worker.killed, worker.load_error)
        self.deaths[death.cause] += 1
        error = death.error(self._config.entry, "" if death.loaded else self._hint(crash))
        if self._config.crash_block and self._started.done() and death.ready_for is not None and not death.killed:
            missing = self._missing_copy if death.status < 0 else ""
            self._log_death(worker, death, report, error, f"it stays down{self._crash_block}{missing}")
            self._stay_down(worker, held, report)
        elif replaced:
            self._log_death(worker, death, report, error, "another one has taken its place")
        else:
            self._replace(worker, death, report, error)

    def _hint(self, crash: Crash | None) -> str:
        entry = Path(self._config.entry or "")
        return native_worker.hint(entry, self._config.processor_type or guess_type(entry), self._config.worker, crash)

    def _report(self, worker: Worker, crash: Crash | None, status: int) -> CrashReport:
        cause = "the host has killed the worker process" if worker.killed else describe(crash, status)
        pid = 0 if worker.process is None else worker.process.pid
        superseded = worker.killed and worker.successor is not None
        return CrashReport(DeadProcess(pid, status, crash, worker.killed, superseded), cause)

    def _log_death(self, worker: Worker, death: Death, report: CrashReport, error: LoadError, consequence: str) -> None:
        """
        Log *death*, of *worker*. *consequence* says what happens to the worker.
        """
        prefix = f"worker {worker.number}: "
        if death.by_host:  # the reason is in the log already
            log.info("%s%s; %s", prefix, report.sentence, consequence)
        elif death.loaded:
            self._reporter.log.write(report, consequence, prefix)
        else:
            log.error("%s%s; %s%s", prefix, error.message, consequence, f"\n{error.detail}" if error.detail else "")
        self._reporter.keep(report, prefix, "" if death.loaded else f"{error.message}\n{error.detail}".strip())

    def _replace(self, worker: Worker, death: Death, report: CrashReport, error: LoadError) -> None:
        """
        Have the next process started, now or later, unless the processor is given up with *error*.
        """
        end = death.end
        delay = worker.restarts.after(end, self._keepalive())
        served = end in (End.LASTED, End.ANSWERED)
        if not self._started.done() and not served and (end is not End.KILLED or worker.restarts.give_up):
            self._started.set_exception(error)
        if self._started.done() and self._started.exception() is not None:
            return  # the caller of `start` reports why
        often = f", after {worker.restarts.early} early ends in a row" if worker.restarts.early > 1 else ""
        self._log_death(worker, death, report, error, "it is replaced" + (f" in {delay:g} s{often}" if delay else ""))
        if worker.restarts.give_up and not self.proven and not self._given_up:
            self._given_up = True
            self._on_fatal(error)  # with --reload the host goes on, and so does the worker
        self._spawn_after(worker, delay)

    def _stay_down(self, worker: Worker, held: list[int], report: CrashReport) -> None:
        """
        Leave *worker* down, which has crashed while it ran the requests in the slots *held*. If no other worker is
        left, no more requests are taken.
        """
        worker.blocked = True
        self._refresh()
        answer = report.error_response(f", and stays down{self._crash_block}")
        end_quarantine(self._dispatcher, worker.suspects, held, answer)
        if not self._unblocked:
            self._dispatcher.give_up(self._reason())

    def _on_failed_start(self, worker: Worker, error: OSError) -> None:
        """
        Try again later, for ever: the system is out of processes, memory or descriptors, which says nothing about the
        processor and may pass. The first start is not tried again.
        """
        worker.state = State.DEAD
        text = f"worker {worker.number} cannot be started: {error.strerror}"
        if not self._started.done():
            self._started.set_exception(SystemShortage(text))
            return
        delay = worker.restarts.after(End.START_FAILED, self._keepalive())
        log.error("%s; the next try is in %g s", text, delay)
        self._spawn_after(worker, delay)

    def _spawn_after(self, worker: Worker, delay: float) -> None:
        worker.due = self._loop.time() + delay
        if delay:
            self._refresh()
            self._loop.call_later(delay, self._spawn, worker)
        else:
            self._spawn(worker)
            self._refresh()

    def _refresh(self) -> None:
        """
        Tell the dispatcher whether there is, or soon will be, a worker to take requests.
        """
        alive = any(worker.state is State.READY for worker in self._workers)
        coming = self._started.done() and (self.proven or not self._given_up)
        soon = coming and any(worker.restarts.worth_waiting(self._keepalive()) for worker in self._unblocked)
        retry_at = min((worker.due for worker in self._unblocked), default=0.0)
        self._dispatcher.set_worker_state(alive=alive, ready=alive or soon, reason=self._reason(), retry_at=retry_at)

    @property
    def _unblocked(self) -> list[Worker]:
        """
        The workers that are alive, or will be replaced.
        """
        return [worker for worker in self._workers if not worker.blocked]

    def _reason(self) -> str:
        """
        Say why requests are refused while no worker takes any.
        """
        if not self._unblocked:
            return "the processor crashed, and runtime.enable_crash_block keeps it down; the log tells why"
        if all(worker.restarts.load_failed for worker in self._unblocked):
            return "the processor could not be loaded again; the log tells why"
        return "the processor's workers die again and again; the log tells why"

    def _check_ended(self) -> None:
        gone = all(worker.process is None for worker in self._workers)
        if gone and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
