"""
What a JVM has left behind about its end, in a file that the front gave it (`WorkerSpec.report`): who has called
System.exit or Runtime.halt, or the JVM's own report of a crash.

It was written by a process that ran a stranger's code, so it may be anything.
"""

from __future__ import annotations

import itertools
import re
from typing import Final, NamedTuple

from eas_host.archives.line_numbers import SourceLines
from eas_host.errors import LoadError
from eas_host.ring import Crash
from eas_host.worker.java import classpath
from eas_runtime.worker_spec import WorkerSpec

_CRASHED: Final = "# A fatal error has been detected by the Java Runtime Environment"
_EXIT: Final = re.compile(r"the processor called ((?:System|Runtime)\.(?:exit|halt)) on thread ")
_JAVA_FRAMES: Final = re.compile(r"^Java frames:.*\n((?:.+\n)*)", re.MULTILINE)
_FRAME: Final = re.compile(
    r"(?:j +|J +\d+%? +(?:\w+ +)?)(?P<type>[\w.$/+]+)\.(?P<method>[\w$<>]+)(?P<descriptor>\([^\s)]*\)[^\s+]+)"
    r"(?:\+(?P<bci>\d+))?(?: (?P<module>[\w.]+)@\S+)?(?: |$)"
)
"""A frame that was interpreted, with the place in the bytecode, or compiled."""
_HOST: Final = "eas.host."
_AROUND_CALLS: Final = ("java.lang.invoke.", "java.lang.reflect.", "jdk.internal.reflect.")
_HIDDEN: Final = "java.lang.invoke.LambdaForm"
"""What the JVM itself makes between a method and its caller; a Throwable does not show it either."""
_OF_JVM: Final = re.compile(r"libjvm\.so\+|^\?$")
_MAX_FRAMES: Final = 32


class JvmReport(NamedTuple):
    """
    A report.

    Attributes:
        call: what has ended the JVM: "System.exit", "Runtime.halt"; "" for a crash.
        frames: the processor's frames in Java, innermost first.
        text: the JVM's whole report of a crash; "" if it has not crashed.
    """

    call: str
    frames: tuple[str, ...]
    text: str

    def complete(self, crash: Crash | None, status: int) -> Crash | None:
        """
        Add to *crash*, what the crash handler has recorded, what it could not know. It records no end while the
        processor is loaded; then that is the exit *status* of the process.
        """
        if crash is None:
            return Crash(0, status, -1, 0, 0, (), frames=self.frames, call=self.call) if self.call else None
        if self.call:
            return crash._replace(call=self.call, frames=self.frames or crash.frames)
        native = itertools.takewhile(lambda frame: not _OF_JVM.search(frame), crash.frames)
        frames = (*native, *self.frames) if self.frames else crash.frames
        return crash._replace(frames=frames, jvm_report=self.text)


def parse(text: str, spec: WorkerSpec) -> JvmReport | None:
    """
    Read the report *text* of a worker for *spec*; None if it is none. May take some time.
    """
    if match := _EXIT.match(text):
        frames = (line.strip().removeprefix("at ") for line in text.splitlines()[1:])
        return JvmReport(match[1], tuple(frames)[:_MAX_FRAMES], "")
    begin = text.find(_CRASHED)
    if begin < 0:
        return None
    try:
        path = classpath.resolve(spec)
    except LoadError:  # its files are gone
        return JvmReport("", java_frames(text, SourceLines(())), text[begin:])
    return JvmReport("", java_frames(text, SourceLines((*path.own, *path.libraries))), text[begin:])


def java_frames(text: str, lines: SourceLines) -> tuple[str, ...]:
    """
    Return the frames of the processor's own in a JVM's report, as a Throwable would print them, and before them the
    method of the JDK that they have called, if any: not the JDK's inner ones.
    """
    section = _JAVA_FRAMES.search(text)
    found = list(map(_FRAME.match, section[1].splitlines() if section is not None else ()))
    frames = [match for match in found if match is not None and not match["type"].startswith(_HIDDEN)]
    end = next((i for i, frame in enumerate(frames) if frame["type"].startswith(_HOST)), len(frames))
    while end and frames[end - 1]["type"].startswith(_AROUND_CALLS):
        end -= 1
    called = sum(1 for _ in itertools.takewhile(lambda frame: frame["module"], frames[:end]))
    own = frames[max(0, called - 1) : end]
    return tuple(_describe(frame, lines) for frame in own[:_MAX_FRAMES])


def _describe(frame: re.Match[str], lines: SourceLines) -> str:
    if frame["module"]:
        return f"{frame['module']}/{frame['type']}.{frame['method']}"
    bci = None if frame["bci"] is None else int(frame["bci"])
    place = lines.find(frame["type"], frame["method"], frame["descriptor"], bci)
    return f"{frame['type']}.{frame['method']}({place})"
