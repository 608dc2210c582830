"""
python processors: a program that uses `allspark`.

The program is run whole, as EAS runs it, and its own `run()` is where it starts to serve: `initialize` is called there,
then `serve`, which returns when the host stops, so that the lines behind `run()` run, too. A file that only defines its
class is not refused: the class is constructed and run for it. A program may also read its requests itself; it serves as
soon as it has opened the service, and goes on until the host says stop.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType

from allspark import opening
from eas_host import signals
from eas_host.config import WorkerSpec
from eas_host.ring import WorkerRing
from eas_host.worker.python import launcher, sdk_import
from eas_host.worker.python.hosted_service import HostedService
from eas_host.worker.sdk.user_errors import user_trace
from eas_host.workers.control import Control


class PythonProcessor:
    """
    A `.py` file, called from Python threads.
    """

    owns_signals = False

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: Control) -> None:
        self._spec = spec
        self._ring = ring
        self._service = HostedService(spec, ring, control)

    def run(self, serve: Callable[[], None]) -> None:
        """
        Run the program; *serve* inside its `run()`.

        Raises:
            LoadError: it cannot be used.
        """
        spec = self._spec
        service = self._service
        service.use(serve)
        opening.service_factory = service.open
        if spec.isolation == "process":
            signals.take(signal.SIGTERM, service.on_signal)
        if spec.model_entry:
            os.environ["EAS_HOST_MODEL_ENTRY"] = spec.model_entry
        launcher.prepare(spec.entry, spec.arguments)
        warning = sdk_import.warning_about_others()
        if warning is not None and spec.worker == 0:
            self._ring.log("W", warning)
        try:
            self._run_file()
        except BaseException as error:
            if service.failure is None and not service.served:
                raise launcher.explain(spec.entry, error) from error
            if service.failure is None and not isinstance(error, SystemExit):
                print(user_trace(error), file=sys.stderr, flush=True)  # behind run(): it cost no request
        service.wait_for_run()
        if service.failure is not None:
            raise service.failure

    def start(self) -> None:
        """
        Start the threads.
        """
        self._service.runtime.start()

    def join(self, timeout: float | None = None) -> None:
        """
        Wait for the threads.
        """
        self._service.runtime.join(timeout)

    def _run_file(self) -> None:
        """
        Run the file; if it has served nobody by then, run the processor that it constructed or could construct.
        """
        service = self._service
        entry, name = self._spec.entry, self._spec.python_class
        module: ModuleType = launcher.import_under_stem(entry) if name else launcher.run_as_main(entry)
        if service.served:
            return
        if name or service.instance is None:
            service.instance = launcher.construct(launcher.find_class(module, entry, name), entry)
        service.instance.run()
