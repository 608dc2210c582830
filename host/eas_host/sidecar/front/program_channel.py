"""
The user's process, as the front that it has started sees it.

Its death is seen by a pidfd: the control socket may be held by others that it has forked.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from eas_host import log
from eas_host.ring import FrontRing
from eas_host.workers.lines import RECORD_END, RecordReader, log_records, message_reader
from eas_host.workers.outbox import Outbox


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
