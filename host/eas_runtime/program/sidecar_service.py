"""
The service that `allspark` opens under `python app.py`: the user's own process is the worker.

It ends in this order: this process asks the front to stop; the front answers what it has, tells this process to stop,
and ends; its exit code becomes that of this process. If the front dies, the control socket ends, whose other end nobody
else holds.
"""

import contextlib
import faulthandler
import os
import threading

from allspark.service import ServedProcessor, ServiceRequest
from eas_runtime import log
from eas_runtime.control import SocketChannel
from eas_runtime.messages import Handshake, ProgramFailed, Ready, Stop, WorkersStarted
from eas_runtime.program.front_process import FrontProcess, processes_of
from eas_runtime.program.signal_handlers import SignalHandlers
from eas_runtime.ring import WorkerRing, open_log
from eas_runtime.sdk.contract import find_problem
from eas_runtime.sdk.explanations import program_name
from eas_runtime.sdk.service import SdkService
from eas_runtime.sdk.user_errors import place_of
from eas_runtime.stacks import StackReporter

_END_SECONDS = 15.0
"""How long the front may take to end once it has told this process to stop, or this process has failed: it has nothing
left to do but to end the worker processes, which a busy machine may delay."""
_JOIN_SECONDS = 0.2
"""How long a thread may take to end then. All responses are sent; a thread that is stuck ends with the process."""
_CLEANUP_SECONDS = 2.0
"""How long the main thread of a program that reads may take to end by itself once there is nothing left to read."""

HANDLERS = ("call", "eastool", "monitor", "ping", "prop", "realtime_metrics", "tell", "term")
"""The builtin handlers that EAS names at its start, in its order. Of its other lines those that are true here are
printed, too (docs/eas-compatibility.md, section 3.8)."""


class SidecarService(SdkService):
    """
    The one service of this process, with the *front* that was started for *request*.
    """

    def __init__(self, front: FrontProcess, request: ServiceRequest) -> None:
        self._front = front
        self._request = request
        self._status = 0
        self._socket_control = control = SocketChannel(front.socket, self._front_ended)
        handshake = control.next()
        if not isinstance(handshake, Handshake):
            raise SystemExit(front.exit_code(asked=True) or 1)
        self._handshake = handshake
        memory, completion, log_fd = (control.take_fd() for _ in range(3))
        ring = WorkerRing(memory, completion, 0)
        os.close(memory)
        os.close(completion)
        open_log(log_fd)
        super().__init__(ring, control, handshake.threads, handshake.max_in_flight)
        self._signals = SignalHandlers(self._ask_to_stop)
        if not self._has_processes:
            self._watch_crashes()
            StackReporter(control, self.runtime.stacks, lambda text: ring.log("W", text))
        control.start()

    def stop(self) -> None:
        """
        Have the front answer what it has, and end. Does not wait for that.
        """
        self._signals.remove()
        self._ask_to_stop()

    # -- what HostedService does differently

    def _on_open(self, request: ServiceRequest, *, first: bool) -> None:
        if first:
            self._signals.install()
            self._announce_opened()
        if self._control.stopping.is_set():
            raise RuntimeError("the service has ended; a program serves once")
        if request.endpoint not in (None, self._request.endpoint):
            text = f"endpoint {request.endpoint!r} has no effect: a program has one service, {self._handshake.url}"
            self._ring.log("W", text)

    def _before_reading(self) -> None:
        self._signals.serving = True

    def _after_ready(self) -> None:
        log.announce("[INFO] Service start successfully")

    def _on_initialize_failed(self, processor: ServedProcessor, error: BaseException) -> None:
        problem = find_problem(processor, "initialize") if place_of(error) is None else None
        if problem is not None:  # it was not even called, and Python's traceback does not say why
            log.write_error(problem.described(program_name()))
        self._control.send(ProgramFailed())  # so that the front does not wait for the end of this process

    def _serve(self, processor: ServedProcessor) -> None:
        """
        Serve until Ctrl+C or SIGTERM stops it.

        Raises:
            SystemExit: the front is gone, or the worker processes could not load the processor.
        """
        if processor.worker_processes != processes_of(self._request):
            wanted, opened = processor.worker_processes, processes_of(self._request)
            self._ring.log("W", f"worker_processes={wanted} has no effect: the service was opened with {opened}")
        try:
            if self._has_processes:
                self._serve_with_processes(processor)
            else:
                self._serve_with_threads(processor)
        finally:
            self._signals.finish(self._status)
        if self._status:
            raise SystemExit(self._status)

    def _serve_with_threads(self, processor: ServedProcessor) -> None:
        self._load(processor)
        self._control.send(Ready())
        self._signals.serving = True
        self.runtime.start()
        self._after_ready()
        self._control.wait()
        self._ring.stop()
        self.runtime.join(_JOIN_SECONDS)
        self._wait_for_front()

    def _serve_with_processes(self, processor: ServedProcessor) -> None:
        from eas_runtime.program.child_processes import ChildProcesses  # noqa: PLC0415  rarely needed

        self._control.on(WorkersStarted, lambda _: self._after_ready())
        self._signals.serving = True
        try:
            ChildProcesses(self._socket_control, processor).run()
        except BaseException:  # raised by a handler of the program's own
            self._control.send(ProgramFailed())  # it ends the processes, for which Python would wait
            self._wait_for_front()
            raise
        self._wait_for_front()

    # -- the front

    @property
    def _has_processes(self) -> bool:
        return self._handshake.processes > 1

    def _ask_to_stop(self) -> None:
        self._control.send(Stop())

    def _front_ended(self) -> None:
        """
        Take the exit code of the front, and end what still waits for requests. Called once, on the control thread, when
        the front is gone.
        """
        self._status = self._front.exit_code(asked=self._has_processes or self._control.stopping.is_set())
        if self.reads:
            self._control.stopping.set()
            if self._status == 0:
                threading.main_thread().join(_CLEANUP_SECONDS)
            # Before the ring stops: a main thread that waits for the reading threads would end with exit code 0.
            self._signals.end_main_thread(self._status)
        self._ring.stop()

    def _wait_for_front(self) -> None:
        self._socket_control.join(_END_SECONDS)
        if self._front.kill_if_alive():
            self._socket_control.join()

    # -- this process

    def _watch_crashes(self) -> None:
        """
        Record a crash of this process, so that the front can tell which request caused it. Python's own report of the
        crash is printed first.
        """
        faulthandler.disable()
        self._ring.install_crash_handler()
        with contextlib.suppress(OSError, ValueError, AttributeError, RuntimeError):  # stderr may be anything
            faulthandler.enable(all_threads=False)

    def _announce_opened(self) -> None:
        log.announce.as_json = self._handshake.json
        log.write_alongside_program()
        port = self._handshake.port
        log.announce("[INFO] create service")
        if self._handshake.token is not None:
            log.announce(f"[INFO] Token: [{self._handshake.token}]")
        log.announce(f"[INFO] rpc binds to predefined port {port}")
        log.announce(f"[INFO] updating rpc port to {port}")
        for name in HANDLERS:
            log.announce(f"[INFO] install builtin handler {name} to /api/builtin/{name}")
        log.announce(f"listening on {self._handshake.url}")
