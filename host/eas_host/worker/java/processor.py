"""
Processors in Java: a jar with one public class, called by the bridge in java/.

Strategy: Python starts the JVM and loads the class, through JPype. Then it has no part in a request: Java's own threads
take it from the ring, call Process and complete it, by native methods of the bridge.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Protocol

from eas_host.binaries import python_embedding
from eas_host.errors import LOAD_ERRORS, SystemShortage
from eas_host.worker.java import classpath
from eas_host.worker.java.jpype_alone import jpype
from eas_host.worker.java.jvm import start_jvm
from eas_runtime.control import ControlChannel
from eas_runtime.ring import WorkerRing
from eas_runtime.stacks import Stack
from eas_runtime.worker_process import SHORTAGE
from eas_runtime.worker_spec import WorkerSpec

FOR_EVER = 0
"""To `Bridge.join`."""


class Bridge(Protocol):
    """
    The methods of eas.host.Bridge that are called here.
    """

    def start(self, count: int) -> None:
        """
        Start so many threads that call Process.
        """

    def join(self, millis: int) -> None:
        """
        Wait for these threads, so long at most for each; 0: for ever.
        """


class JavaProcessor:
    """
    A class in a `.jar`, called from Java threads.
    """

    owns_signals = True

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> None:
        self._spec = spec
        self._ring = ring
        self._bridge: Bridge | None = None

    def run(self, serve: Callable[[], None]) -> None:
        """
        Start the JVM, construct the processor, call `Load()`, and serve.

        Raises:
            LoadError: the processor cannot be used.
        """
        self._load()
        serve()

    def start(self) -> None:
        """
        Start the threads that call Process.

        Raises:
            SystemShortage: the system refuses to start one.
        """
        assert self._bridge is not None  # noqa: S101  load comes first
        try:
            self._bridge.start(self._spec.threads)
        except jpype.JClass("java.lang.OutOfMemoryError") as error:
            raise SystemShortage(SHORTAGE) from error

    def join(self, timeout: float | None = None) -> bool:
        """
        Wait for the threads, then end this process with exit code 0.

        It ends as `java` does when it is asked to: the shutdown hooks run, and nothing waits for threads that
        the processor has left behind. A JVM cannot end so without its process. In the host's own process
        (`--isolation none`) the hooks do not run: that would end it here, with an exit code that is not ours to
        choose. False there: any thread of Python, such as the one that asks for stacks, may be in JPype's C++ code,
        which no end of Python must stop.
        """
        if self._bridge is not None:
            self._bridge.join(FOR_EVER if timeout is None else math.ceil(1000 * timeout))
        if self._spec.isolation == "process":
            sys.stdout.flush()
            sys.stderr.flush()
            jpype.JClass("eas.host.Bridge").exit(0)
        return False

    def stacks(self) -> list[Stack]:
        """
        Return the stacks of the threads that load the processor, call it, or are in a deadlock.
        """
        if not jpype.isJVMStarted():
            return []
        now = time.monotonic()
        texts = [str(text).rstrip("\n") for text in jpype.JClass("eas.host.ThreadStacks").describe()]
        return [
            Stack(name, now - int(nanos) / 1e9 if nanos else None, place, frames)
            for name, nanos, place, frames in zip(texts[::4], texts[1::4], texts[2::4], texts[3::4], strict=True)
        ]

    def _load(self) -> None:
        spec = self._spec
        path = classpath.resolve(spec)
        start_jvm(spec.jvm_options, str(path), self._ring, spec.report)
        load_exception = jpype.JClass("eas.host.LoadException")
        try:
            self._bridge = jpype.JClass("eas.host.Bridge").open(
                spec.entry,
                spec.mainclass or "",
                list(path.own),
                list(path.libraries),
                spec.model_entry,
                spec.model_config,
            )
        except load_exception as error:
            kind = LOAD_ERRORS[str(error.kind())]
            message, detail = str(error.getMessage()), str(error.detail())
            raise kind(python_embedding.explain(message, detail), detail) from None
