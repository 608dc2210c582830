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
from typing import Any, Final, NoReturn, Protocol

from eas_host import log
from eas_host.front.backend import Backend
from eas_host.front.responses import Refusal
from eas_host.ring import FrontRing
from eas_host.serving import Host
from eas_host.workers.death import describe
from eas_host.workers.lines import RECORD_END, RecordReader, log_records, message_reader
from eas_host.workers.outbox import Outbox

_ENDING_SECONDS: Final = 2.0
"""How long clients may take to read their last answers once the program is dead."""


class LinkListener(Protocol):
    """
    Hears what there is to hear at this end of a `Link`.
    """

    def on_program_message(self, message: dict[str, Any]) -> None:
        """
        The program has sent *message*.
        """

    def on_program_death(self) -> None:
        """
        The program is dead. Called once.
        """


class Link:
    """
    The conversation with process *pid* over *sock*, and the watch over its life.

    Attributes:
        pid: its number.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, pid: int) -> None:
        self.pid = pid
        self._loop = loop
        self._socket = sock
        self._outbox = Outbox(loop, sock)
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise SystemExit(1) from None
        if os.getppid() != pid:
            raise SystemExit(1)  # it died before we could watch it
        self._readers: list[RecordReader] = []

    def listen(self, listener: LinkListener) -> None:
        """
        Tell *listener* of its messages and of its death from here on. What came earlier has waited.
        """
        self._loop.add_reader(self._pidfd, self._on_pidfd, listener)
        self._readers.append(message_reader(self._loop, os.dup(self._socket.fileno()), listener.on_program_message))

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

    def _on_pidfd(self, listener: LinkListener) -> None:
        self._loop.remove_reader(self._pidfd)
        for reader in self._readers:
            reader.close()
        listener.on_program_death()


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


def end_with_program(host: Host, backend: Backend, text: str) -> None:
    """
    The program is dead, of what *text* says: answer everything and end.
    """
    backend.dispatcher.give_up("the program has ended", Refusal(500, f"{text} before it ran this request"))
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

    def __init__(self, host: Host, link: Link, backend: Backend) -> None:
        self.deaths: Counter[str] = Counter()  # its death is the host's end
        self._host = host
        self._backend = backend
        self._link = link
        backend.ring.reset_worker(0, solo=False)
        link.listen(self)

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

    def on_program_message(self, message: dict[str, Any]) -> None:
        """
        The program has sent *message*.
        """
        backend = self._backend
        kind = message["event"]
        if kind == "stop":
            self._host.stop()
        elif kind == "failed":
            backend.dispatcher.give_up("initialize() of the program failed")
            self._host.stop()
        elif kind == "ready":
            backend.dispatcher.set_worker_state(alive=True, ready=True)
            backend.on_message(0, message)
            backend.dispatcher.wake()
        else:
            backend.on_message(0, message)

    def on_program_death(self) -> None:
        """
        The program is dead, and with it whoever could answer.
        """
        backend = self._backend
        crash = backend.ring.crash(0)
        text = describe(crash, None, f"the program (process {self._link.pid})")
        held = backend.dispatcher.held_by(0)
        if held or (crash is not None and crash.signal):
            frames = "".join(f"\n  at {frame}" for frame in crash.frames) if crash is not None else ""
            log.error("%s%s", text, frames)
        for slot in held:
            backend.dispatcher.fail(slot, f"{text} while it ran this request")
        end_with_program(self._host, backend, text)
