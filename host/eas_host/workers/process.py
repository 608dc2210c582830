"""
One worker process, as the front sees it: start it, read what it writes, learn of its death.

It is a fresh program, never a fork of this one, in a session of its own: Ctrl+C reaches the host alone, and whatever
the processor has started can be ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import eas_host
from eas_host import log
from eas_host.config import WorkerSpec
from eas_host.ring import FrontRing
from eas_host.workers.lines import RECORD_END, RecordReader, log_records

_SOURCE_ROOT: Final = str(Path(eas_host.__file__).parents[1])
_BOOT: Final = (
    "import sys; del sys.path[0]; root = sys.argv.pop(1); root in sys.path or sys.path.append(root); "
    "from eas_host.workers.main import main; sys.exit(main())"
)
"""The worker's first lines. `python -m` would search the working directory first."""


class WorkerProcess:
    """
    Starts the worker that *spec* describes.

    Args:
        loop: the front's loop.
        ring: the ring that it takes requests from.
        spec: its processor and its number.
        on_event: called with each message of the worker, a dict with a key `event`.
        on_death: called once with its exit status: an exit code, or minus the signal that ended it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ring: FrontRing,
        spec: WorkerSpec,
        on_event: Callable[[dict[str, Any]], None],
        on_death: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._on_event = on_event
        self._on_death = on_death
        number = spec.worker
        self._control, control_child = socket.socketpair()
        with control_child, contextlib.ExitStack() as child_ends:
            ends = {name: _pipe(child_ends) for name in ("log", "stdout", "stderr")}
            inherited = (control_child.fileno(), ring.memory_fd, ring.completion_fd, ends["log"][1])
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, _SOURCE_ROOT, *map(str, inherited), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=ends["stdout"][1],
                stderr=ends["stderr"][1],
                pass_fds=inherited,
                start_new_session=True,
                cwd="/",
            )
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._died)
        self._readers = [
            RecordReader(loop, ends["log"][0], RECORD_END, log_records(number, log.worker_record)),
            RecordReader(loop, ends["stdout"][0], b"\n", lambda lines: log.printed(number, "stdout", lines)),
            RecordReader(loop, ends["stderr"][0], b"\n", lambda lines: log.printed(number, "stderr", lines)),
            RecordReader(loop, os.dup(self._control.fileno()), b"\n", self._receive),
        ]
        self._send(spec.to_json())

    def stop(self) -> None:
        """
        Ask the worker to end.
        """
        self._send(json.dumps({"event": "stop"}))

    def kill(self) -> None:
        """
        End the worker now.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _send(self, line: str) -> None:
        # A worker that died meanwhile is reported through its pidfd.
        with contextlib.suppress(OSError):
            self._control.sendall(line.encode() + b"\n")

    def _receive(self, lines: bytes) -> None:
        for line in lines.splitlines():
            self._on_event(json.loads(line))

    def _died(self) -> None:
        self._loop.remove_reader(self._pidfd)
        # The zombie keeps its process group's number from being given to others until it is reaped below.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        status = self._process.wait()
        os.close(self._pidfd)
        for reader in self._readers:
            reader.close()
        self._control.close()
        self._on_death(status)


def _pipe(child_ends: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    child_ends.callback(os.close, write)
    return read, write
