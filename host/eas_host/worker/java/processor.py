"""
Processors in Java: a jar with one public class, called through JPype and the bridge in java/.

Strategy: Python takes a request and completes it, but never touches its bytes. The bridge has two direct buffers over
the slot and copies in bulk between them and Java's arrays; what crosses JPype is a call with two small numbers.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol

from eas_host.binaries import python_embedding
from eas_host.errors import LOAD_ERRORS
from eas_host.worker.java import classpath
from eas_host.worker.java.jpype_alone import jpype
from eas_host.worker.java.jvm import start_jvm
from eas_host.worker.java.slots import SlotMemory
from eas_runtime.control import ControlChannel
from eas_runtime.ring import RAISED, RETURNED, TOO_LARGE, RingCall, WorkerRing
from eas_runtime.stacks import Stack
from eas_runtime.threads import RequestHandler, WorkerThreads
from eas_runtime.worker_spec import WorkerSpec

OUTCOME_SHIFT: Final = 32
SIZE_MASK: Final = (1 << OUTCOME_SHIFT) - 1
"""How `Bridge.call` packs an outcome and a size into one number."""

JAVA_MAX: Final = 2**31 - 1
"""The largest buffer of Java. It limits no output: outputs are arrays, whose largest size is a few bytes less."""


class Bridge(Protocol):
    """
    The methods of eas.host.Bridge that are called here.
    """

    def enter(self, name: str, number: int) -> None:
        """
        Make the calling thread known under *name* and *number*.
        """

    def register(self, slot: int, input: object, output: object) -> None:  # noqa: A002  as in Java
        """
        Give the bridge the two buffers of a slot.
        """

    def call(self, slot: int, size: int) -> int:
        """
        Call Process with the first *size* bytes of the slot's input.

        Returns:
            The outcome above the size of the output, as `OUTCOME_SHIFT` says.
        """

    def message(self, slot: int) -> bytes:
        """
        Return the message, for the client, of what the last call has thrown.
        """

    def trace(self, slot: int) -> bytes:
        """
        Return the trace, for the log, of what the last call has thrown.
        """

    def frames(self, slot: int) -> bytes:
        """
        Return the user's frames of what the last call has thrown, each after a newline.
        """


class JavaProcessor:
    """
    A class in a `.jar`, called from Python threads.
    """

    owns_signals = True

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> None:
        self._spec = spec
        self._ring = ring
        self._bridge: Bridge | None = None
        self._threads: WorkerThreads | None = None

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
        """
        memory = SlotMemory(self._ring)
        known: set[int] = set()
        self._threads = WorkerThreads(
            self._ring, self._spec.threads, lambda number: self._handler(number, memory, known)
        )

    def join(self, timeout: float | None = None) -> bool:
        """
        Wait for the threads, then end this process with exit code 0.

        It ends as `java` does when it is asked to: the shutdown hooks run, and nothing waits for threads that
        the processor has left behind. A JVM cannot end so without its process. In the host's own process
        (`--isolation none`) the hooks do not run: that would end it here, with an exit code that is not ours to
        choose. False there: any thread of Python, such as the one that asks for stacks, may be in JPype's C++ code,
        which no end of Python must stop.
        """
        if self._threads is not None:
            self._threads.join(timeout)
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
        busy = self._threads.busy() if self._threads is not None else []
        starts = {thread.name: start for thread, start in busy}
        texts = [str(text).rstrip("\n") for text in jpype.JClass("eas.host.ThreadStacks").describe()]
        return [
            Stack(name, starts.get(name), place, frames)
            for name, place, frames in zip(texts[::3], texts[1::3], texts[2::3], strict=True)
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

    def _handler(self, number: int, memory: SlotMemory, known: set[int]) -> RequestHandler:
        """
        Make the handler of the calling thread, which has this *number*. *known* are the slots of *memory* that the
        bridge has buffers for.
        """
        ring = self._ring
        assert self._bridge is not None  # noqa: S101  load comes first
        bridge = self._bridge
        try:
            bridge.enter(threading.current_thread().name, number)
            call_process = bridge.call
        except jpype.JVMNotRunning:
            raise SystemExit from None  # a call on another thread has ended the JVM, and with it this process

        def handle(call: RingCall) -> None:
            slot = call.slot
            if slot not in known:
                bridge.register(slot, _direct_buffer(memory.input(slot)), _direct_buffer(memory.output(slot)))
                known.add(slot)
            result = call_process(slot, call.size)
            outcome, size = result >> OUTCOME_SHIFT, result & SIZE_MASK
            if outcome == RETURNED:
                ring.complete(call, RETURNED, 0, size)
            elif outcome == RAISED:
                message, trace = bytes(bridge.message(slot)), bytes(bridge.trace(slot))
                ring.log("E", f"process threw {trace.decode()}")
                ring.reply_raised(call, message, bytes(bridge.frames(slot)))
            else:
                text = f"the processor's output has {size} bytes, more than the {memory.max_output} of --max-output"
                ring.log("E", text)
                ring.reply(call, TOO_LARGE, 0, text.encode())

        def handle_while_running(call: RingCall) -> None:
            try:
                handle(call)
            except jpype.JVMNotRunning:
                # Some thread has called System.exit, and the JVM is ending with this process. The request of this
                # thread is not the cause: it is not completed, so that it runs again in the next worker.
                threading.Event().wait()

        return handle_while_running


def _direct_buffer(span: memoryview) -> object:
    """
    Make a `java.nio.ByteBuffer` over *span*.
    """
    buffer: object = jpype.nio.convertToDirectBuffer(span[:JAVA_MAX])
    return buffer
