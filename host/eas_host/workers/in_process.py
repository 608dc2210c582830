"""
`--isolation none`: the worker's threads in the host's own process, for a debugger that has started it.

The same ring, the same processors, the same threads as in a worker process. What protects the host from the processor
is gone: a crash ends the host.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.dispatch.workers import OnMessage
from eas_host.ring import FrontRing
from eas_host.symbols.locator import locator_of
from eas_host.symbols.log_record import LocatedRecords
from eas_host.system.exit_code import need_python_end
from eas_host.worker.processor import make
from eas_host.workers.pipe_reader import RECORD_END, RecordReader, log_records
from eas_runtime import signals
from eas_runtime.control import LocalChannel
from eas_runtime.linking.import_hook import put_before_site
from eas_runtime.messages import Message, Ready
from eas_runtime.ring import WorkerRing, open_log
from eas_runtime.stacks import StackReporter
from eas_runtime.stdio import line_buffer_output
from eas_runtime.unpatched import patcher
from eas_runtime.worker_process import enter_folder
from eas_runtime.worker_spec import WorkerSpec

_LOG_SIZE: Final = 1024 * 1024
"""Bytes of log records that may wait for the front; any user may have a pipe of this size (pipe(7))."""
_JOIN_SECONDS: Final = 0.2
"""How long a thread may take to end. All answers are sent; one that is stuck ends with the process."""


class InProcessWorker:
    """
    One worker without a process of its own.
    """

    restarts = 0
    proven = True

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        spec: WorkerSpec,
        ring: FrontRing,
        dispatcher: Dispatcher,
        on_message: OnMessage,
    ) -> None:
        self.deaths: Counter[str] = Counter()  # none: it has no process of its own
        self.leaves_threads = False
        need_python_end()
        self._loop = loop
        self._spec = spec
        self._dispatcher = dispatcher
        self._on_message = on_message
        self._control = LocalChannel(lambda message: self._post(loop, message))
        ring.reset_worker(0, solo=False)
        self._ring = WorkerRing(ring.memory_fd, ring.completion_fd, 0)
        self._processor = make(spec, self._ring, self._control)
        read, self._log_fd = os.pipe2(os.O_CLOEXEC)
        # Its reader is this process: while the processor loads nobody reads, so writing must not wait for that.
        fcntl.fcntl(self._log_fd, fcntl.F_SETPIPE_SZ, _LOG_SIZE)
        os.set_blocking(self._log_fd, False)
        open_log(self._log_fd)
        # Not over the ring's log, which is read only once the processor is loaded.
        StackReporter(self._control, self._processor.stacks, lambda text: log.worker_record(0, "W", text))
        locator = locator_of(loop)
        locator.copies.update(spec.copies)
        self._records = LocatedRecords(locator, partial(log.worker_record, 0))
        self._reader = RecordReader(loop, read, RECORD_END, log_records(self._records.receive))

    @property
    def pids(self) -> dict[int, int]:
        """
        This process.
        """
        return {0: os.getpid()}

    def run(self, serve: Callable[[], None]) -> None:
        """
        Load the processor on this, the main, thread, then *serve*.

        Raises:
            LoadError: it cannot be used.
        """
        # uvloop notes at its first handler which thread is the main one; gevent gives that another number.
        self._loop.add_signal_handler(signal.SIGTERM, lambda: None)
        self._loop.remove_signal_handler(signal.SIGTERM)
        # While it loads, only the kernel can act on a signal.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signals.guard_handlers()
        line_buffer_output()
        os.environ.update(self._spec.environment)
        put_before_site(self._spec.packages)
        enter_folder(self._spec)
        self._processor.run(serve)

    async def start(self) -> None:
        """
        Start the threads, which take requests from here on. `run` has loaded the processor.
        """
        if (name := patcher()) is not None:
            text = f"{name} has replaced threads: with --isolation none, greenlets of the main thread do not run"
            log.warning("%s", text)
        self._control.ready.set()
        self._on_message(0, Ready())
        self._processor.start()
        self._dispatcher.set_worker_state(alive=True, ready=True)

    async def stop(self) -> None:
        """
        Let the threads end. One that is stuck in the processor ends with the process.
        """
        self._ring.stop()
        self.leaves_threads = not self._processor.join(_JOIN_SECONDS)
        self._reader.close()
        passed_on = asyncio.Event()
        self._records.finish(passed_on.set)
        await passed_on.wait()

    def kill(self) -> None:
        """
        Do nothing: the threads end with the process.
        """

    def take_suspects(self) -> list[int]:
        """
        Return no slots: no request runs alone here, since there is no worker process that could die.
        """
        return []

    def send(self, message: Message, worker: int | None = None) -> None:
        """
        Send *message* to the processor.
        """
        self._control.deliver(message)

    def _post(self, loop: asyncio.AbstractEventLoop, message: Message) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._on_message, 0, message)
