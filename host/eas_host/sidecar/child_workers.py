"""
The worker processes of a user's program, as the front sees them.

The program starts and reaps them, so that they have what the processor's constructor was given. The front supervises
them as it supervises those of eas-host.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace

from eas_host import answers, log
from eas_host.crash_reports.reporter import CrashReporter
from eas_host.deploy.target_words import target_words
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.responses import ErrorResponse
from eas_host.errors import InitializeFailed, LoadError
from eas_host.ring import FrontRing
from eas_host.service.host import Host
from eas_host.sidecar.program_channel import ProgramChannel, send_handshake
from eas_host.sidecar.program_worker import end_with_program
from eas_host.symbols.crash import explain_then
from eas_host.workers.message_writer import MessageWriter
from eas_host.workers.pipe_reader import message_reader
from eas_host.workers.supervisor import Supervisor
from eas_host.workers.worker import OnDeath
from eas_runtime.messages import (
    ChildEnded,
    ChildStarted,
    Handshake,
    LoadFailed,
    Message,
    ProgramFailed,
    StartChild,
    StartWorkers,
    Stop,
    WorkersStarted,
)


class ChildWorkers(Supervisor):
    """
    A supervisor whose processes are started by the program at the other end of *channel*, once its `run` is called.
    """

    def __init__(self, host: Host, channel: ProgramChannel, backend: Backend) -> None:
        config = replace(host.config, worker_threads=1)
        super().__init__(
            host.loop,
            config,
            self._start_child,
            backend,
            lambda: host.front.state.keepalive,
            host.on_fatal,
            CrashReporter(host.loop, config, backend, target_words(config)),
        )
        self._host = host
        self._backend = backend
        self._channel = channel
        self._children: dict[int, ChildWorkerProcess] = {}
        channel.listen(self)

    def on_program_message(self, message: Message) -> None:
        """
        Handle *message* from the program.
        """
        if isinstance(message, Stop):
            self._host.stop()
        elif isinstance(message, ProgramFailed):
            self._backend.dispatcher.give_up("the program has left run()")
            self._host.stop()
            self._forget_unstarted()
        elif isinstance(message, StartWorkers):
            self._host.loop.create_task(self._load())
        elif isinstance(message, ChildStarted):
            self._children[message.worker].started(message.pid)
        elif isinstance(message, ChildEnded):
            self._children[message.worker].ended(message)
        else:
            self._backend.on_message(0, message)

    def on_program_death(self) -> None:
        """
        Fail the requests that the worker processes held, which end with the program, and end the front.
        """
        text = f"the program (process {self._channel.pid}) has ended"
        dispatcher = self._backend.dispatcher
        self.kill()
        for worker in range(self._backend.ring.size.workers):
            for slot in dispatcher.held_by(worker):
                dispatcher.fail(slot, ErrorResponse(answers.PROGRAM_ENDED, f"{text} while it ran this request"))
        for number, process in list(self._children.items()):
            process.ended(ChildEnded(number, -signal.SIGKILL))
        end_with_program(self._host, self._backend, text)

    def _forget_unstarted(self) -> None:
        """
        Count the processes as ended of which the program has not said that it started them: it has left the code that
        would. One that runs all the same ends when its control socket is closed.
        """
        self._stopping = True
        for number, process in list(self._children.items()):
            if not process.pid:
                process.ended(ChildEnded(number, -signal.SIGKILL))

    def _start_child(self, number: int, on_message: Callable[[Message], None], on_death: OnDeath) -> ChildWorkerProcess:
        handshake = Handshake(number, self._host.config.max_in_flight)
        process = ChildWorkerProcess(
            self._host.loop, self._backend.ring, self._channel, handshake, on_message, on_death
        )
        self._children[number] = process
        return process

    async def _load(self) -> None:
        try:
            await self.start()
        except LoadError as error:
            self._host.on_fatal(error)
            return
        self._channel.send(WorkersStarted())


class ChildWorkerProcess:
    """
    One worker process. The program is asked for it over *channel*, and reports its start and its end there.

    Raises:
        OSError: there are no descriptors for its sockets.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ring: FrontRing,
        channel: ProgramChannel,
        handshake: Handshake,
        on_message: Callable[[Message], None],
        on_death: OnDeath,
    ) -> None:
        self.pid = 0
        self._loop = loop
        self._ring = ring
        self._number = number = handshake.worker
        self._on_message = on_message
        self._on_death = on_death
        self._killed = self._over = False
        self._control, theirs = socket.socketpair()
        self._outbox = MessageWriter(loop, self._control)
        with theirs:
            self._readers = [
                send_handshake(loop, self._outbox, ring, handshake),
                message_reader(loop, os.dup(self._control.fileno()), on_message),
            ]
            channel.send(StartChild(number), [theirs.fileno()])

    def send(self, message: Message) -> None:
        """
        Send *message* to the process.
        """
        self._outbox.send(message)

    def kill(self) -> None:
        """
        Kill the process now, or as soon as the program has started it.
        """
        self._killed = True
        if self.pid and not self._over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)

    def started(self, pid: int) -> None:
        """
        Note that the program has started the process, as *pid*.
        """
        self.pid = pid
        log.debug("process %d started by the program", pid)
        if self._killed:
            self.kill()

    def ended(self, message: ChildEnded) -> None:
        """
        Report the end of the process, which the program has reaped or could not start.
        """
        if self._over:
            return
        self._over = True
        if message.reason is not None:
            self._on_message(LoadFailed(InitializeFailed.__name__, message.reason, message.detail))
        for reader in self._readers:
            reader.close()
        self._outbox.close()
        self._control.close()
        crash = self._ring.crash(self._number)
        explain_then(crash, self._loop, lambda explained: self._on_death(message.status, explained))
