"""
How to load and call a processor, one file per language.

A processor is loaded once per worker process and then called from its threads. cpp brings threads of its own; java and
python are called from `threads`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol

from eas_host.config import WorkerSpec
from eas_host.ring import WorkerRing
from eas_host.worker.python import sdk_import
from eas_host.workers.control import Control

_CLASSES: Final = {
    "cpp": "eas_host.worker.cpp.processor:CppProcessor",
    "java": "eas_host.worker.java.processor:JavaProcessor",
    "python": "eas_host.worker.python.processor:PythonProcessor",
}


class Processor(Protocol):
    """
    A processor of any language: what *spec* describes, taking requests from *ring*, with *control* to the front.
    """

    owns_signals: bool
    """True where the language's runtime needs SIGSEGV and its like itself, as a JVM does."""

    def run(self, serve: Callable[[], None]) -> None:
        """
        Load and initialise it, on the calling thread, then call *serve*, which returns when all is over.

        It is this way round because a Python program calls us: `serve` runs inside its own `run()`.

        Raises:
            LoadError: it cannot be used.
        """

    def start(self) -> None:
        """
        Start the threads that call it. Called by `serve`.
        """

    def join(self, timeout: float | None = None) -> None:
        """
        Wait until the threads have ended, after `WorkerRing.stop`. Called by `serve`.

        A *timeout* is given where the process is the host's own: for so many seconds at most for each of those that
        Python waits for when it ends.
        """


def make(spec: WorkerSpec, ring: WorkerRing, control: Control) -> Processor:
    """
    Make the processor that *spec* describes. Imports only what its language needs.
    """
    if spec.type == "python":
        sdk_import.claim()
    module, _, name = _CLASSES[spec.type].partition(":")
    processor: Processor = getattr(import_module(module), name)(spec, ring, control)
    return processor
