"""
The user's process, as the front that it has started sees it.

Its death is seen by a pidfd: the control socket may be held by others that it has forked.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from eas_host import log
from eas_host.front.backend import Backend
from eas_host.front.responses import Refusal
from eas_host.ring import FrontRing
from eas_host.workers.death import describe
from eas_host.workers.lines import RECORD_END, RecordReader, log_records, message_reader
from eas_host.workers.outbox import Outbox

if TYPE_CHECKING:
    from eas_host.attached.front import AttachedHost

_ENDING_SECONDS: Final = 2.0
"""How long clients may take to read their last answers once the program is dead."""


class Link:
    """
    The conversation with process *pid* over *sock*, and the watch over its life.

    Attributes:
        pid: its number.
        on_message: called with each of its messages.
        on_death: called once, when it is dead.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, pid: int) -> None:
        self.pid = pid
        self.on_message: Callable[[dict[str, Any]], None] = lambda _message: None
        self.on_death: Callable[[], None] = lambda: None
        self._loop = loop
        self._socket = sock
        self._outbox = Outbox(loop, sock)
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise SystemExit(1) from None
        if os.getppid() != pid:
            raise SystemExit(1)  # it died before we could watch it
        loop.add_reader(self._pidfd, self._died)
        self._readers = [message_reader(loop, os.dup(sock.fileno()), self._receive)]

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """
        Send it *message*, with copies of the descriptors *fds*.
        """
        self._outbox.send(message, fds)

    def welcome(self, ring: FrontRing, **facts: Any) -> None:  # noqa: ANN401  plain JSON values
        """
        Tell it the *facts*, and give it *ring* and a pipe for its log.
        """
        self._readers.append(send_welcome(self._loop, self._outbox, ring, 0, facts))

    def is_dead(self) -> bool:
        """
        Whether the process has ended, noticed or not.
        """
        return bool(select.select([self._pidfd], [], [], 0)[0])

    def _receive(self, message: dict[str, Any]) -> None:
        self.on_message(message)

    def _died(self) -> None:
        self._loop.remove_reader(self._pidfd)
        for reader in self._readers:
            reader.close()
        self.on_death()


def send_welcome(
    loop: asyncio.AbstractEventLoop, outbox: Outbox, ring: FrontRing, worker: int, facts: dict[str, Any]
) -> RecordReader:
    """
    Send the first message to *worker*, with the ring and the writing end of a new pipe; the reading end is returned.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    outbox.send({"event": "welcome", "worker": worker, **facts}, [ring.memory_fd, ring.completion_fd, write])
    os.close(write)
    return RecordReader(loop, read, RECORD_END, log_records(worker, log.worker_record))


def end_with_program(host: AttachedHost, text: str) -> None:
    """
    The program is dead, of what *text* says: answer everything and end.
    """
    host.backend.dispatcher.give_up("the program has ended", Refusal(500, f"{text} before it ran this request"))
    # Clients that do not read must not keep this process.
    host.loop.call_later(_ENDING_SECONDS, _end_now)
    log.debug("%s; the front ends", text)
    host.stop()


def _end_now() -> NoReturn:
    log.finish()
    os._exit(1)


class ProgramWorker:
    """
    The workers of a program without worker processes: its own process, with its threads.
    """

    restarts = 0
    proven = True

    def __init__(self, host: AttachedHost, link: Link, backend: Backend) -> None:
        self.deaths: Counter[str] = Counter()  # its death is the host's end
        self._host = host
        self._link = link
        link.on_message = self._receive
        link.on_death = self._died
        backend.ring.reset_worker(0, solo=False)

    def run(self, serve: Callable[[], None]) -> None:
        """
        *serve*: the processor is elsewhere.
        """
        serve()

    async def start(self) -> None:
        """
        Nothing: the program starts by itself.
        """

    async def stop(self) -> None:
        """
        Tell the program that all is answered.
        """
        self._link.send({"event": "stop"})

    def kill(self) -> None:
        """
        Nothing: the process is the user's.
        """

    def release_suspects(self) -> None:
        """
        Nothing runs alone here: the program is not replaced.
        """

    def tell(self, message: dict[str, Any], worker: int | None = None) -> None:
        """
        Send *message* to the program, which listens from its beginning.
        """
        self._link.send(message)

    def _receive(self, message: dict[str, Any]) -> None:
        host = self._host
        kind = message["event"]
        if kind == "stop":
            host.stop()
        elif kind == "failed":
            host.backend.dispatcher.give_up("initialize() of the program failed")
            host.stop()
        elif kind == "ready":
            host.backend.dispatcher.set_worker_state(alive=True, ready=True)
            host.backend.on_message(0, message)
            host.backend.dispatcher.wake()
        else:
            host.backend.on_message(0, message)

    def _died(self) -> None:
        host = self._host
        crash = host.backend.ring.crash(0)
        text = describe(crash, None, f"the program (process {self._link.pid})")
        held = host.backend.dispatcher.held_by(0)
        if held or (crash is not None and crash.signal):
            frames = "".join(f"\n  at {frame}" for frame in crash.frames) if crash is not None else ""
            log.error("%s%s", text, frames)
        for slot in held:
            host.backend.dispatcher.fail(slot, f"{text} while it ran this request")
        end_with_program(host, text)
