"""
Messages to and from the user's process, and the watch over its life.

A pidfd tells of its death. The end of the control socket would not be enough: processes that the user's process has
forked may hold the socket, too.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from eas_host import log
from eas_host.ring import FrontRing
from eas_host.workers.message_writer import MessageWriter
from eas_host.workers.pipe_reader import RECORD_END, RecordReader, log_records, message_reader
from eas_runtime.messages import Handshake, Message


class ProgramListener(Protocol):
    """
    Takes what arrives over a `ProgramChannel`.
    """

    def on_program_message(self, message: Message) -> None:
        """
        Handle *message* from the program.
        """

    def on_program_death(self) -> None:
        """
        Handle the death of the program. Called once.
        """


class ProgramChannel:
    """
    The front's end of *sock*, at whose other end is the user's process *pid*.

    Attributes:
        pid: the user's process.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, pid: int) -> None:
        self.pid = pid
        self._loop = loop
        self._socket = sock
        self._outbox = MessageWriter(loop, sock)
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise SystemExit(1) from None
        if os.getppid() != pid:
            raise SystemExit(1)  # it died before we could watch it
        self._readers: list[RecordReader] = []

    def listen(self, listener: ProgramListener) -> None:
        """
        Call *listener* for each message and for the death of the process. What came before this call has waited.
        """
        self._loop.add_reader(self._pidfd, self._on_pidfd, listener)
        self._readers.append(message_reader(self._loop, os.dup(self._socket.fileno()), listener.on_program_message))

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """
        Send *message*, with copies of the descriptors *fds*.
        """
        self._outbox.send(message, fds)

    def send_handshake(self, ring: FrontRing, handshake: Handshake) -> None:
        """
        Send the first message: *handshake*, with *ring* and a pipe for the log of the process.
        """
        self._readers.append(send_handshake(self._loop, self._outbox, ring, handshake))

    def _on_pidfd(self, listener: ProgramListener) -> None:
        self._loop.remove_reader(self._pidfd)
        for reader in self._readers:
            reader.close()
        listener.on_program_death()


def send_handshake(
    loop: asyncio.AbstractEventLoop, outbox: MessageWriter, ring: FrontRing, handshake: Handshake
) -> RecordReader:
    """
    Send the first message to a worker, with the ring and a pipe to write its log to. Returns the reader of that pipe.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    outbox.send(handshake, [ring.memory_fd, ring.completion_fd, write])
    os.close(write)
    return RecordReader(loop, read, RECORD_END, log_records(partial(log.worker_record, handshake.worker)))
