"""
What processors of all languages have in common, and which class is for which language.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol

from eas_host.ring import WorkerRing
from eas_host.worker.control import ControlChannel
from eas_host.worker.python import sdk_import
from eas_host.worker_spec import WorkerSpec

_CLASSES: Final = {
    "cpp": "eas_host.worker.cpp.processor:CppProcessor",
    "java": "eas_host.worker.java.processor:JavaProcessor",
    "python": "eas_host.worker.python.processor:PythonProcessor",
}


class WorkerProcessor(Protocol):
    """
    A processor of any language. It is made from its *spec*, takes requests from *ring*, and reaches the front by
    *control*.
    """

    owns_signals: bool
    """Whether the language's runtime handles SIGSEGV and the like itself, as a JVM does."""

    def run(self, serve: Callable[[], None]) -> None:
        """
        Load and initialise the processor on the calling thread, then call *serve*, which returns when the worker is to
        end.

        *serve* is called from here, and not by the caller of `run`, because in a Python program it runs inside the
        program's own `run()`.

        Raises:
            LoadError: the processor cannot be used.
        """

    def start(self) -> None:
        """
        Start the threads that call the processor. Called by `serve`.
        """

    def join(self, timeout: float | None = None) -> None:
        """
        Wait until the threads have ended, after `WorkerRing.stop`. Called by `serve`.

        In the host's own process the wait has a *timeout*, in seconds for each thread.
        """


def make(spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> WorkerProcessor:
    """
    Make the processor that *spec* describes. Imports only what its language needs.
    """
    if spec.type == "python":
        sdk_import.import_our_allspark()
    module, _, name = _CLASSES[spec.type].partition(":")
    processor: WorkerProcessor = getattr(import_module(module), name)(spec, ring, control)
    return processor
