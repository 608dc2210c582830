"""
Processors in Java: a jar with one public class, called by the bridge in java/.

Strategy: Python starts the JVM, and has the bridge load the class. Then it has no part in a request: Java's own threads
take it from the ring, call Process and complete it, by native methods of the bridge.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Final

from eas_host.binaries import python_embedding
from eas_host.errors import LoadError, SystemShortage
from eas_host.worker.java import classpath
from eas_host.worker.java.bridge import Bridge
from eas_host.worker.java.jvm import start_jvm
from eas_runtime.control import ControlChannel
from eas_runtime.ring import WorkerRing
from eas_runtime.stacks import Stack
from eas_runtime.worker_process import SHORTAGE
from eas_runtime.worker_spec import WorkerSpec

_FOR_EVER: Final = 0
"""To the command `join`, which takes milliseconds."""


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
            self._bridge.call("start", str(self._spec.threads))
        except SystemShortage as error:
            raise SystemShortage(SHORTAGE) from error

    def join(self, timeout: float | None = None) -> bool:
        """
        Wait for the threads, then end this process with exit code 0.

        It ends as `java` does when it is asked to: the shutdown hooks run, and nothing waits for threads that
        the processor has left behind. A JVM cannot end so without its process. In the host's own process
        (`--isolation none`) the hooks do not run: that would end it here, with an exit code that is not ours to
        choose. There a thread that is stuck in the processor ends with the process, and needs no Python.
        """
        if self._bridge is not None:
            self._bridge.call("join", str(_FOR_EVER if timeout is None else math.ceil(1000 * timeout)))
            if self._spec.isolation == "process":
                sys.stdout.flush()
                sys.stderr.flush()
                self._bridge.call("exit", "0")
        return True

    def stacks(self) -> list[Stack]:
        """
        Return the stacks of the threads that load the processor, call it, or are in a deadlock.
        """
        if self._bridge is None:
            return []
        now = time.monotonic()
        texts = [text.rstrip("\n") for text in self._bridge.call("stacks")]
        return [
            Stack(name, now - int(nanos) / 1e9 if nanos else None, place, frames)
            for name, nanos, place, frames in zip(texts[::4], texts[1::4], texts[2::4], texts[3::4], strict=True)
        ]

    def _load(self) -> None:
        spec = self._spec
        path = classpath.resolve(spec)
        self._bridge = start_jvm(spec.jvm_options, str(path), self._ring, spec.report)
        own, libraries = ":".join(path.own), ":".join(path.libraries)
        try:
            self._bridge.call(
                "open",
                spec.entry,
                spec.mainclass or "",
                own,
                libraries,
                spec.model_entry,
                spec.model_config,
                str(spec.max_in_flight),
            )
        except LoadError as error:
            raise type(error)(python_embedding.explain(error.message, error.detail), error.detail) from None
