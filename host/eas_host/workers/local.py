"""
`--isolation none`: the worker's threads in the host's own process, for gdb, pdb and jdb.

The same ring, the same processors, the same threads as in a worker process. What protects the host from the processor
is gone: a crash ends the host.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import Final

from eas_host import log
from eas_host.config import WorkerSpec
from eas_host.front.dispatch import Dispatcher
from eas_host.processors import make
from eas_host.ring import FrontRing, WorkerRing, open_log
from eas_host.workers.lines import RECORD_END, RecordReader, log_records
from eas_host.workers.main import enter_folder, print_promptly

_LOG_SIZE: Final = 1024 * 1024
"""Bytes of log records that may wait for the front; any user may have a pipe of this size (pipe(7))."""


class LocalWorker:
    """
    One worker without a process of its own.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, spec: WorkerSpec, ring: FrontRing, dispatcher: Dispatcher
    ) -> None:
        self._loop = loop
        self._spec = spec
        self._dispatcher = dispatcher
        self._processor = make(spec)
        ring.reset_worker(0, solo=False)
        self._ring = WorkerRing(ring.memory_fd, ring.completion_fd, 0)
        read, self._log_fd = os.pipe2(os.O_CLOEXEC)
        # Its reader is this process: while the processor loads nobody reads, so writing must not wait for that.
        fcntl.fcntl(self._log_fd, fcntl.F_SETPIPE_SZ, _LOG_SIZE)
        os.set_blocking(self._log_fd, False)
        open_log(self._log_fd)
        self._reader = RecordReader(loop, read, RECORD_END, log_records(0, log.worker_record))

    async def start(self) -> None:
        """
        Load the processor on this, the main, thread and start the threads.

        Raises:
            LoadError: it cannot be used.
        """
        print_promptly()
        enter_folder(self._spec)
        self._processor.load()
        self._processor.start(self._ring)
        self._dispatcher.ready = self._dispatcher.worker_alive = True

    async def stop(self) -> None:
        """
        Let the threads end. One that is stuck in the processor ends with the process.
        """
        self._ring.stop()
        self._reader.close()

    def kill(self) -> None:
        """
        Nothing to end: the threads end with the process.
        """
