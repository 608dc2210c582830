"""
Processors in Python: programs that use `allspark`.

The whole program is run, as EAS runs it. Its own `run()` calls `initialize`, then `serve`, which returns when the host
stops, so that the lines after `run()` are executed, too. If a file only defines its class, the worker constructs and
runs it. A program may also read its requests itself: then it serves as soon as it has opened the service, until the
host stops.
"""

import os
import signal
import sys
import threading
import time
from types import ModuleType
from typing import Callable

from allspark import opening
from eas_runtime import signals
from eas_runtime.control import ControlChannel
from eas_runtime.python import breakpoints, exits, launcher, sdk_import, unconfigured_logging, used_files
from eas_runtime.python.hosted_service import HostedService
from eas_runtime.ring import WorkerRing
from eas_runtime.sdk.stacks import stacks_of
from eas_runtime.sdk.user_errors import user_trace
from eas_runtime.stacks import Stack
from eas_runtime.unpatched import Thread
from eas_runtime.worker_spec import WorkerSpec


class PythonProcessor:
    """
    A `.py` file, called from Python threads.
    """

    owns_signals = False

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> None:
        self._spec = spec
        self._ring = ring
        self._control = control
        self._service = HostedService(spec, ring, control)
        self._loading: list[tuple[Thread, float]] = []

    def run(self, serve: "Callable[[], None]") -> None:
        """
        Run the program. Its own `run()` calls *serve*.

        Raises:
            LoadError: the processor cannot be used.
        """
        spec = self._spec
        service = self._service
        service.use(serve)
        opening.service_factory = service.open
        if spec.isolation == "process":
            signals.set_handler(signal.SIGTERM, service.on_signal)
            exits.report(self._ring, spec.report)
        unconfigured_logging.report(self._ring)
        if spec.lists_files:
            used_files.report(spec, self._control)
        self._prepare_debugging()
        if spec.model_entry:
            os.environ["EAS_HOST_MODEL_ENTRY"] = spec.model_entry
        launcher.prepare(spec)
        warning = sdk_import.warning_about_others()
        if warning is not None and spec.worker == 0:
            self._ring.log("W", warning)
        folder = os.getcwd()
        self._loading = [(threading.current_thread(), time.monotonic())]
        try:
            self._run_file()
        except BaseException as error:
            if service.failure is None and not service.served:
                raise launcher.explain(spec.original(spec.entry), error, folder) from error
            if service.failure is None and not isinstance(error, SystemExit):
                print(user_trace(error), file=sys.stderr, flush=True)  # raised after run(), so it fails no request
        service.wait_for_run()
        if service.failure is not None:
            raise service.failure

    def start(self) -> None:
        """
        Start the threads that call `process`.
        """
        self._service.runtime.start()

    def join(self, timeout: "float | None" = None) -> bool:
        """
        Wait for these threads, *timeout* seconds at most for each, and tell whether they have ended.
        """
        return self._service.runtime.join(timeout)

    def stacks(self) -> "list[Stack]":
        """
        Return the stacks of the threads that initialise the processor or run a request; before that, of the thread that
        runs the file.
        """
        return self._service.runtime.stacks() or stacks_of([] if self._service.served else self._loading)

    def _prepare_debugging(self) -> None:
        """
        Have pdb stop where the spec says, or `breakpoint()` say why it cannot.
        """
        spec = self._spec
        if spec.debugged:
            from eas_runtime.python.debugger import Debugger  # noqa: PLC0415  few workers load pdb

            self._service.runtime.wrap = Debugger(spec.debugged).wrap
            self._service.runtime.debugged = True
        elif spec.isolation == "process":
            breakpoints.refuse()
            return
        breakpoints.follow_originals(spec)

    def _run_file(self) -> None:
        """
        Run the file. If it has not begun to serve by itself, run the processor that it constructed; if it constructed
        none, construct one.
        """
        service = self._service
        name = self._spec.python_class
        entry = self._spec.original(self._spec.entry)
        module: ModuleType = launcher.import_under_stem(self._spec) if name else launcher.run_as_main(self._spec)
        if service.served:
            return
        if name or service.instance is None:
            service.instance = launcher.construct(launcher.find_class(module, entry, name), entry)
        service.instance.run()
