"""
One worker process, as the front sees it: start it, read what it writes, learn of its death.

It is a new program, never a fork of this one, in a session of its own: Ctrl+C reaches the host alone, and whatever
the processor has started can be ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from eas_host import log
from eas_host.python_env import python_command
from eas_host.ring import FrontRing
from eas_host.system.memory import prefer_as_oom_victim
from eas_host.workers.message_writer import MessageWriter
from eas_host.workers.pipe_reader import RECORD_END, RecordReader, log_records, message_reader
from eas_runtime.messages import Message
from eas_runtime.worker_spec import WorkerSpec

if TYPE_CHECKING:
    from eas_host.sandbox.confinement import Confinement

_ALL_CHILDREN: Final = 0x40000000
"""__WALL of <linux/wait.h>: also those that were made by clone() and send no signal at their end, as eas-guardian."""
_REAP_SECONDS: Final = 1.0
"""Between two tries to reap processes that were killed and have not ended yet. Nothing waits for that."""


class WorkerProcess:
    """
    Starts the worker that *spec* describes.

    Args:
        loop: the front's loop.
        ring: the ring that it takes requests from.
        spec: its processor and its number.
        on_message: called with each message of the worker.
        on_death: called once with its exit status: an exit code, or minus the signal that ended it.
        confinement: what is taken away from it, if anything.

    Raises:
        OSError: no process can be started: the system is out of processes, memory or descriptors.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ring: FrontRing,
        spec: WorkerSpec,
        on_message: Callable[[Message], None],
        on_death: Callable[[int], None],
        confinement: Confinement | None = None,
    ) -> None:
        self._loop = loop
        self._on_death = on_death
        number = spec.worker
        with contextlib.ExitStack() as our_ends, contextlib.ExitStack() as child_ends:
            self._control, control_child = socket.socketpair()
            our_ends.enter_context(self._control)
            self._writer = MessageWriter(loop, self._control)
            child_ends.enter_context(control_child)
            ends = {name: _pipe(our_ends, child_ends) for name in ("log", "stdout", "stderr")}
            spec_fd = _file_of(spec.to_json(), child_ends)
            inherited = (control_child.fileno(), spec_fd, ring.memory_fd, ring.completion_fd, ends["log"][1])
            command = python_command.command(
                "eas_runtime.main" if spec.type == "python" else "eas_host.worker.main",
                *inherited,
                os.getpid(),
                interpreter=spec.interpreter,
                packages=spec.packages,
            )
            self._process = subprocess.Popen(
                command if confinement is None else confinement.worker_command(command, spec),
                # Variables of the processor, such as LD_PRELOAD, are not for the launcher, which has more rights.
                env={**os.environ, **(spec.environment if confinement is None else {})},
                stdin=subprocess.DEVNULL,
                stdout=ends["stdout"][1],
                stderr=ends["stderr"][1],
                pass_fds=inherited,
                start_new_session=True,
            )
            our_ends.pop_all()
        self.pid = self._process.pid
        prefer_as_oom_victim(self.pid, os.getpid())
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._on_end)
        self._readers = {
            RecordReader(loop, ends["log"][0], RECORD_END, log_records(number, log.worker_record)),
            RecordReader(loop, ends["stdout"][0], b"\n", lambda lines: log.worker_output(number, "stdout", lines)),
            RecordReader(loop, ends["stderr"][0], b"\n", lambda lines: log.worker_output(number, "stderr", lines)),
            message_reader(loop, os.dup(self._control.fileno()), on_message),
        }

    def send(self, message: Message) -> None:
        """
        Send *message* to the worker. Never blocks.
        """
        self._writer.send(message)

    def kill(self) -> None:
        """
        End the worker, and what its processor has started, now.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        # The zombie keeps its process group's number from being given to others until it is reaped below.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        # The last of its output is logged before its end is.
        for reader in tuple(self._readers):
            reader.finish(partial(self._on_reader_end, reader))

    def _on_reader_end(self, reader: RecordReader) -> None:
        """
        Note that nothing more comes from *reader*. After the last reader, report the worker's death.
        """
        self._readers.discard(reader)
        if self._readers:
            return
        status = self._process.wait()
        self._reap()
        os.close(self._pidfd)
        self._writer.close()
        self._control.close()
        self._on_death(status)

    def _reap(self) -> None:
        """
        Reap what the worker has left behind in its group, such as its eas-guardian. Such processes become children of
        this one if it is the first process of a container, or a subreaper. Once none is left, ChildProcessError says
        so; until then no other group can get the number of this one.
        """
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG | _ALL_CHILDREN)[0]:
                pass
            self._loop.call_later(_REAP_SECONDS, self._reap)  # they were killed, but have not ended yet


def _file_of(text: str, child_ends: contextlib.ExitStack) -> int:
    """
    Put *text* into an anonymous file: a long text in a socket would keep the front waiting for its reader.
    """
    fd = os.memfd_create("eas-spec", os.MFD_CLOEXEC)
    child_ends.callback(os.close, fd)
    with open(fd, "w", encoding="utf-8", closefd=False) as file:
        file.write(text)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _pipe(our_ends: contextlib.ExitStack, child_ends: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    our_ends.callback(os.close, read)
    child_ends.callback(os.close, write)
    return read, write
