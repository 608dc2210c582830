"""
The user's side of `python app.py`: starts the front, which opens the port, and serves until it is over.

The front is told from here to stop, drains, tells us to stop, and ends; its exit code says how it went. Whether it is
alive is seen by the other end of the control socket, which nobody else holds.
"""

from __future__ import annotations

import _socket
import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from allspark.properties import store
from eas_host import boot
from eas_host.memory import kill_first
from eas_host.unpatched import allocate_lock, socketpair, start_process

if TYPE_CHECKING:
    from allspark import BaseProcessor
    from allspark.opening import Handler, Opening
    from eas_host.processors.queued import Queued

_SAID_WHY: Final = (2, 3, 4)
"""Exit codes of a front that has printed the reason: those of `errors`."""
_END_SECONDS: Final = 5.0
"""How long the front may take to end once it has told us to stop: it has nothing left to do."""
_JOIN_SECONDS: Final = 0.2
"""How long a thread may take to end then. All answers are sent; one that is stuck ends with the process."""
_CLEANUP_SECONDS: Final = 2.0
"""How long the main thread of a program that reads may take to end by itself once there is nothing left to read."""

HANDLERS: Final = ("call", "eastool", "monitor", "ping", "prop", "realtime_metrics", "tell", "term")
"""Those that EAS's start names, in its order; of its other lines, too, those that are true here are printed
(docs/eas-compatibility.md, section 3.8)."""


class Session:
    """
    The one service of this process.

    Attributes:
        queue: the requests, for programs that read them themselves.
    """

    def __init__(self, wanted: Opening) -> None:
        sock = self._start_front(wanted)
        # While it starts, what else is needed is imported.
        from eas_host.attached.interrupts import Interrupts  # noqa: PLC0415
        from eas_host.processors.pool import Pool  # noqa: PLC0415
        from eas_host.processors.program import Program  # noqa: PLC0415
        from eas_host.ring import WorkerRing, open_log  # noqa: PLC0415
        from eas_host.workers.control import SocketControl  # noqa: PLC0415

        self._control = SocketControl(sock, self._front_ended)
        self._welcome = self._read_welcome()
        memory, completion, log_fd = (self._control.take_fd() for _ in range(3))
        self._ring = WorkerRing(memory, completion, 0)
        os.close(memory)
        os.close(completion)
        open_log(log_fd)
        self._pool = Pool(wanted.io_threads, "allspark-handler")
        self._program = Program(self._ring, self._control, self._welcome["threads"])
        self.queue: Queued = self._program.queue
        self._interrupts = Interrupts(self._ask_to_stop)
        self._program.on_reading = self._begin_reading  # run() may have been overridden by one that reads
        self._opened = wanted
        self._lock = allocate_lock()
        self._reads = self._began = False
        self._status = 0
        if not self._several:
            self._watch_crashes()
        self._control.start()
        self._program.connect()
        self._interrupts.install()
        self._announce_opened()
        self.join(wanted)

    # -- for allspark

    def join(self, wanted: Opening) -> None:
        """
        The program opens the service, perhaps once more.
        """
        if self._control.stopping.is_set():
            raise RuntimeError("the service has ended; a program serves once")
        if wanted.endpoint not in (None, self._opened.endpoint):
            text = f"endpoint {wanted.endpoint!r} has no effect: a program has one service, {self._welcome['url']}"
            self._ring.log("W", text)
        if wanted.processor is None:
            self._begin_reading()

    def run(self, processor: BaseProcessor) -> None:
        """
        Initialise *processor*, serve with it, and return when Ctrl+C or SIGTERM has ended it.

        Raises:
            SystemExit: the front is gone, or the worker processes could not load the processor.
        """
        with self._lock:
            if self._began:
                raise RuntimeError("run() was called before: a program serves once")
            self._began = True
        if processor.worker_processes != _processes_of(self._opened):
            text = f"worker_processes={processor.worker_processes} has no effect: the service was opened with another"
            self._ring.log("W", text)
        try:
            if self._several:
                self._serve_with_processes(processor)
            else:
                self._serve_with_threads(processor)
        finally:
            self._interrupts.finish(self._status)
        if self._status:
            raise SystemExit(self._status)

    def inject(self, path: str, handler: Handler, token: str | None) -> None:
        """
        Have *handler* answer requests to *path*.
        """
        self._program.inject(path, handler, token, self._pool)

    def stop(self) -> None:
        """
        Let the front answer what it has, then end it. The calling thread goes on.
        """
        self._interrupts.remove()
        self._ask_to_stop()

    # -- serving

    def _begin_reading(self) -> None:
        with self._lock:
            if self._reads or self._began:
                return
            self._reads = self._interrupts.serving = True
        self._control.on("stop", lambda _: self._ring.stop())
        self._control.send(event="threads", count=0)
        self._control.send(event="ready")
        self._announce_ready()

    def _serve_with_threads(self, processor: BaseProcessor) -> None:
        try:
            self._program.initialize(processor)
        except BaseException:
            self._control.send(event="failed")  # the front need not wait for the end of this process
            raise
        self._program.prepare(processor)
        self._control.send(event="ready")
        self._interrupts.serving = True
        self._program.start()
        self._announce_ready()
        self._control.wait()
        self._ring.stop()
        self._program.join(_JOIN_SECONDS)
        self._wait_for_front()

    def _serve_with_processes(self, processor: BaseProcessor) -> None:
        from eas_host.attached.forks import Forks  # noqa: PLC0415  rarely needed

        self._control.on("started", lambda _: self._announce_ready())
        self._interrupts.serving = True
        try:
            Forks(self._control, processor).run(self._welcome["processes"])
        except BaseException:  # raised by a handler of the program's own
            self._control.send(event="failed")  # the processes do not end by themselves, and Python would wait for them
            self._wait_for_front()
            raise
        self._wait_for_front()

    @property
    def _several(self) -> bool:
        several: bool = self._welcome["processes"] > 1
        return several

    def _ask_to_stop(self) -> None:
        self._control.send(event="stop")

    # -- the front

    def _start_front(self, wanted: Opening) -> _socket.socket:
        boot.fill_standard_streams()
        ours, theirs = socketpair()
        plan = {
            "endpoint": wanted.endpoint,
            "script": sys.argv[0] if sys.argv else "",
            "processes": _processes_of(wanted),
            "properties": {_text(name): _text(value) for name, value in tuple(store.values.items())},
        }
        words = boot.command("eas_host.attached.front", theirs.fileno(), os.getpid())
        with contextlib.closing(theirs):
            self._front = start_process(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl+C is for the program
            )
        kill_first(os.getpid(), self._front.pid)
        os.environ.pop("EAS_HOST_TOKEN", None)  # it was for the front; what the program starts need not have it
        with contextlib.suppress(OSError):  # if it has died already, that is seen when its answer is awaited
            ours.sendall(json.dumps(plan).encode() + b"\n")
        return ours

    def _read_welcome(self) -> dict[str, Any]:
        welcome = self._control.next()
        if welcome is None:
            raise SystemExit(self._judge(self._front.wait(), asked=True) or 1)
        return welcome

    def _front_ended(self) -> None:
        """
        Called on the control thread, once.
        """
        code = self._front.wait()
        self._status = self._judge(code, asked=self._several or self._control.stopping.is_set())
        if self._reads:
            self._control.stopping.set()
            if self._status == 0:
                threading.main_thread().join(_CLEANUP_SECONDS)
            # Before the threads that read: the main thread may wait for them, and would then end as if all were well.
            self._interrupts.end_main_thread(self._status)
        self._ring.stop()

    def _wait_for_front(self) -> None:
        self._control.join(_END_SECONDS)
        if self._front.poll() is None:
            self._front.kill()
            self._control.join()

    def _judge(self, code: int, *, asked: bool) -> int:
        """
        Turn the front's exit *code* into ours; say it if it was none that the front has explained itself, or 0 before
        it has *asked* us to stop: that is what we hear of every end if the program ignores SIGCHLD.
        """
        if code in _SAID_WHY or (code == 0 and asked):
            return code
        from eas_host import log  # noqa: PLC0415  rarely needed

        how = f"ended with exit code {code}" if code else "has ended"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"died of {signal.Signals(-code).name}"
        log.alarm(f"the HTTP front (process {self._front.pid}) {how}; no request can arrive any more")
        return 1

    # -- this process

    def _watch_crashes(self) -> None:
        """
        Record how this process dies, so that the front can tell which request did it. Python's own traceback comes
        first.
        """
        faulthandler.disable()
        self._ring.watch_crashes(only_abort=False)
        with contextlib.suppress(OSError, ValueError, AttributeError, RuntimeError):  # stderr may be anything
            faulthandler.enable(all_threads=False)

    def _announce_opened(self) -> None:
        from eas_host import log  # noqa: PLC0415  late, as all of the host

        log.announce.as_json = self._welcome["json"]
        log.write_beside()
        port = self._welcome["port"]
        log.announce("[INFO] create service")
        if self._welcome["token"] is not None:
            log.announce(f"[INFO] Token: [{self._welcome['token']}]")
        log.announce(f"[INFO] rpc binds to predefined port {port}")
        log.announce(f"[INFO] updating rpc port to {port}")
        for name in HANDLERS:
            log.announce(f"[INFO] install builtin handler {name} to /api/builtin/{name}")
        log.announce(f"listening on {self._welcome['url']}")

    def _announce_ready(self) -> None:
        from eas_host import log  # noqa: PLC0415  late, as all of the host

        log.announce("[INFO] Service start successfully")


def _processes_of(wanted: Opening) -> int:
    return wanted.processor.worker_processes if wanted.processor is not None else 1


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
