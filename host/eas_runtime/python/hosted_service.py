"""
The service that `allspark` opens under `eas-host`: this process is a worker of the host, which decides when it ends.

An error is kept in `failure`, even if the program catches it: it is reported when the program's file has come to its
end.
"""

import signal
from types import FrameType
from typing import Callable

from allspark.service import ServedProcessor, ServiceRequest
from eas_runtime import signals
from eas_runtime.control import ControlChannel
from eas_runtime.errors import EntryInvalid
from eas_runtime.messages import ProcessCount
from eas_runtime.python.class_checks.at_load import findings_at_load
from eas_runtime.ring import WorkerRing, on_main_thread
from eas_runtime.sdk.explanations import explain_initialize
from eas_runtime.sdk.service import SdkService, Stage
from eas_runtime.unpatched import Event
from eas_runtime.worker_spec import WorkerSpec


class HostedService(SdkService):
    """
    The service of the program that *spec* describes.

    Attributes:
        instance: the processor that was constructed last.
        failure: the error that ended the service, even if the program has caught it.
    """

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> None:
        threads = spec.threads if "worker_threads" in spec.explicit else None
        super().__init__(ring, control, threads, spec.max_in_flight)
        self.instance: ServedProcessor | None = None
        self.failure: BaseException | None = None
        self._spec = spec
        self._entry = spec.original(spec.entry)
        self._serve_ring: Callable[[], None] | None = None
        self._ended = Event()

    def use(self, serve_ring: "Callable[[], None]") -> None:
        """
        Set *serve_ring*, which `run` calls when the processor is loaded, and which returns when the host stops.
        """
        self._serve_ring = serve_ring

    @property
    def served(self) -> bool:
        """
        Whether the program has begun to read requests, or has called `run`.
        """
        return self.stage is not Stage.NEW

    def wait_for_run(self) -> None:
        """
        If `run` was called, perhaps on another thread, wait for its end.
        """
        if self.stage is Stage.RUNNING:
            self.over.wait()

    def stop(self) -> None:
        """
        Do nothing: the host decides when the service ends.
        """

    def on_signal(self, _number: int, frame: "FrameType | None") -> None:
        """
        Handle SIGTERM: end the main thread of a program that reads, once the service stops. A SIGTERM from outside is
        ignored, because the host itself handles it.
        """
        if not (self.reads and self._control.stopping.is_set()):
            return
        self._ended.set()
        signals.exit_main_thread(0, frame)

    # -- what SidecarService does differently

    def _on_open(self, request: ServiceRequest, *, first: bool) -> None:
        if request.endpoint is not None and self._spec.worker == 0:
            text = f"the program's endpoint {request.endpoint!r} has no effect under eas-host: --listen decides"
            self._ring.log("I", text)
        if request.processor is not None:
            self.instance = request.processor
            self._ask_for_processes(request.processor.worker_processes)

    def _ask_for_processes(self, count: int) -> None:
        if count == 1 or "worker_processes" in self._spec.explicit:
            return
        if self._spec.isolation == "none":
            self._ring.log("I", f"worker_processes={count} has no effect with --isolation none")
            return
        self._control.send(ProcessCount(count))

    def _before_reading(self) -> None:
        if self._spec.isolation == "none":
            self.failure = EntryInvalid(
                f"{self._entry}: it reads requests itself (queued_service), on the thread that --isolation none"
                " needs; start it without --isolation none, or with `python FILE`"
            )
            raise self.failure
        if self._spec.debugged:
            self._ring.log("W", "the program reads its requests itself: the debugger stops where it calls breakpoint()")

    def _after_ready(self) -> None:
        """
        Do nothing: the host announces itself.
        """

    def _stop_reading(self, _message: object) -> None:
        """
        End the threads that read, and the main thread, whatever it waits for.
        """
        self._control.stopping.set()
        self._ring.stop()
        signals.interrupt_main_thread(signal.SIGTERM, self._ended)

    def _serve(self, processor: ServedProcessor) -> None:
        assert self._serve_ring is not None  # noqa: S101  use comes first
        if self._spec.isolation == "none" and not on_main_thread():
            where = self._name(processor)
            self.failure = EntryInvalid(f"{where}.run() must be called on the main thread with --isolation none")
            raise self.failure
        self._load(processor)
        if self._spec.worker == 0:
            for finding in findings_at_load(self._spec.entry, processor):
                self._ring.log("W", f"{self._entry}:{finding.line}: {finding.what}; {finding.advice}")
        try:
            self._serve_ring()
        except BaseException as error:
            self.failure = error
            raise

    def _on_initialize_failed(self, processor: ServedProcessor, error: BaseException) -> None:
        self.failure = explain_initialize(processor, error, self._entry, self.runtime.folder)
        self.failure.__cause__ = error

    def _run_again(self) -> None:
        """
        Wait until the first `run` has ended.

        Raises:
            RuntimeError: it had ended before this call.
        """
        if self.stage is Stage.OVER:
            super()._run_again()
        self.over.wait()

    def _name(self, processor: ServedProcessor) -> str:
        return f"{self._entry}: {type(processor).__name__}"
