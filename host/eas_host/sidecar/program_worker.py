"""
The user's process as a worker, and what its end means for the front.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Final, NoReturn

from eas_host import answers, log
from eas_host.crash_reports.report import CrashReport, DeadProcess
from eas_host.crash_reports.reporter import CrashReporter
from eas_host.deploy.target_words import target_words
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.responses import ErrorResponse
from eas_host.ring import Crash
from eas_host.service.host import Host
from eas_host.sidecar.program_channel import ProgramChannel
from eas_host.symbols.crash import explain_then
from eas_host.workers.death import describe
from eas_runtime.messages import Message, ProgramFailed, Ready, Stop

_ENDING_SECONDS: Final = 2.0
"""How long clients may take to read their last answers once the program is dead."""


def end_with_program(host: Host, backend: Backend, text: str) -> None:
    """
    Answer all requests and end the front, since the program has died as *text* says.
    """
    error_response = ErrorResponse(answers.PROGRAM_ENDED, f"{text} before it ran this request")
    backend.dispatcher.give_up("the program has ended", error_response)
    # Clients that do not read must not keep this process.
    host.loop.call_later(_ENDING_SECONDS, _end_now)
    log.debug("%s; the front ends", text)
    host.stop()


def _end_now() -> NoReturn:
    log.flush()
    os._exit(1)


class ProgramWorker:
    """
    The workers of a program without worker processes: its own process, with its threads.
    """

    restarts = 0
    leaves_threads = False
    proven = True

    def __init__(self, host: Host, channel: ProgramChannel, backend: Backend) -> None:
        self.deaths: Counter[str] = Counter()  # its death is the host's end
        self._host = host
        self._backend = backend
        self._channel = channel
        backend.ring.reset_worker(0, solo=False)
        channel.listen(self)

    @property
    def pids(self) -> dict[int, int]:
        """
        The program.
        """
        return {0: self._channel.pid}

    def run(self, serve: Callable[[], None]) -> None:
        """
        Call *serve*: the processor needs nothing from this thread.
        """
        serve()

    async def start(self) -> None:
        """
        Do nothing: the program starts by itself.
        """

    async def stop(self) -> None:
        """
        Tell the program that all requests are answered.
        """
        self._channel.send(Stop())

    def kill(self) -> None:
        """
        Do nothing: the process is the user's.
        """

    def take_suspects(self) -> list[int]:
        """
        Return no suspects: the program is not replaced, so no request runs alone.
        """
        return []

    def send(self, message: Message, worker: int | None = None) -> None:
        """
        Send *message* to the program, which listens from its beginning.
        """
        self._channel.send(message)

    def on_program_message(self, message: Message) -> None:
        """
        Handle *message* from the program.
        """
        backend = self._backend
        if isinstance(message, Stop):
            self._host.stop()
        elif isinstance(message, ProgramFailed):
            backend.dispatcher.give_up("initialize() of the program failed")
            self._host.stop()
        elif isinstance(message, Ready):
            backend.dispatcher.set_worker_state(alive=True, ready=True)
            backend.on_message(0, message)
            backend.dispatcher.wake()
        else:
            backend.on_message(0, message)

    def on_program_death(self) -> None:
        """
        Fail the requests that the program held, and end the front.
        """
        explain_then(self._backend.ring.crash(0), self._host.loop, self._end)

    def _end(self, crash: Crash | None) -> None:
        backend = self._backend
        text = describe(crash, None, f"the program (process {self._channel.pid})")
        report = CrashReport(DeadProcess(self._channel.pid, None, crash), text)
        config = self._host.config
        reporter = CrashReporter(self._host.loop, config, backend, target_words(config))
        held = backend.dispatcher.held_by(0)
        for slot in held:
            reporter.add(report, slot)
            backend.dispatcher.fail(slot, report.error_response())
        if held or (crash is not None and crash.signal):
            log.error("%s%s", report.text("the front ends with it"), f"\n{report.trace}" if report.frames else "")
            reporter.keep(report, "")
        end_with_program(self._host, backend, text)
