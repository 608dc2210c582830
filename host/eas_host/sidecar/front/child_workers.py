"""
The worker processes of a user's program, as the front sees them: the program starts and reaps them, since what its
constructor got is there; the front supervises them as it does those of eas-host.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from eas_host import log
from eas_host.errors import LoadError
from eas_host.front.backend import Backend
from eas_host.ring import FrontRing
from eas_host.serving import Host
from eas_host.sidecar.front.program_channel import Link, send_welcome
from eas_host.sidecar.front.program_worker import end_with_program
from eas_host.workers.lines import message_reader
from eas_host.workers.outbox import Outbox
from eas_host.workers.supervisor import Supervisor


class ForkedWorkers(Supervisor):
    """
    A supervisor whose processes the program starts, at the other end of *link*, once it runs.
    """

    def __init__(self, host: Host, link: Link, backend: Backend) -> None:
        config = replace(host.config, worker_threads=1)
        super().__init__(host.loop, config, self._fork, backend, lambda: host.front.state.keepalive, host.on_fatal)
        self._host = host
        self._backend = backend
        self._link = link
        self._forked: dict[int, ForkedProcess] = {}
        link.listen(self)

    def on_program_message(self, message: dict[str, Any]) -> None:
        """
        The program has sent *message*.
        """
        kind = message["event"]
        if kind == "stop":
            self._host.stop()
        elif kind == "failed":
            self._backend.dispatcher.give_up("the program has left run()")
            self._host.stop()
        elif kind == "run":
            self._host.loop.create_task(self._load())
        elif kind == "forked":
            self._forked[message["worker"]].started(message["pid"])
        elif kind == "exited":
            self._forked[message["worker"]].ended(message)
        else:
            self._backend.on_message(0, message)

    def on_program_death(self) -> None:
        """
        The program is dead: its worker processes end with it.
        """
        text = f"the program (process {self._link.pid}) has ended"
        dispatcher = self._backend.dispatcher
        self.kill()
        for worker in range(self._backend.ring.shape.workers):
            for slot in dispatcher.held_by(worker):
                dispatcher.fail(slot, f"{text} while it ran this request")
        for process in list(self._forked.values()):
            process.ended({"status": -signal.SIGKILL})
        end_with_program(self._host, self._backend, text)

    def _fork(
        self, number: int, on_event: Callable[[dict[str, Any]], None], on_death: Callable[[int], None]
    ) -> ForkedProcess:
        process = ForkedProcess(self._host.loop, self._backend.ring, self._link, number, on_event, on_death)
        self._forked[number] = process
        return process

    async def _load(self) -> None:
        try:
            await self.start()
        except LoadError as error:
            self._host.on_fatal(error)
            return
        self._link.send({"event": "started"})


class ForkedProcess:
    """
    One of them. Asks for it over *link*; its end is told there, too.

    Raises:
        OSError: there are no descriptors for it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ring: FrontRing,
        link: Link,
        number: int,
        on_event: Callable[[dict[str, Any]], None],
        on_death: Callable[[int], None],
    ) -> None:
        self.pid = 0
        self._on_event = on_event
        self._on_death = on_death
        self._killed = self._over = False
        self._control, theirs = socket.socketpair()
        self._outbox = Outbox(loop, self._control)
        with theirs:
            self._readers = [
                send_welcome(loop, self._outbox, ring, number, {}),
                message_reader(loop, os.dup(self._control.fileno()), on_event),
            ]
            link.send({"event": "fork", "worker": number}, [theirs.fileno()])

    def send(self, message: dict[str, Any]) -> None:
        """
        Send it *message*.
        """
        self._outbox.send(message)

    def kill(self) -> None:
        """
        End it now, or as soon as it is there.
        """
        self._killed = True
        if self.pid and not self._over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)

    def started(self, pid: int) -> None:
        """
        The program has started it as process *pid*.
        """
        self.pid = pid
        log.debug("process %d started by the program", pid)
        if self._killed:
            self.kill()

    def ended(self, message: dict[str, Any]) -> None:
        """
        The program has reaped it, or could not start it.
        """
        if self._over:
            return
        self._over = True
        if "reason" in message:
            failed = {"kind": "InitializeFailed", "message": message["reason"], "detail": message["detail"]}
            self._on_event({"event": "failed", **failed})
        for reader in self._readers:
            reader.close()
        self._outbox.close()
        self._control.close()
        self._on_death(message["status"])
