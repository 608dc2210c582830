"""
What a Python process has left behind about its end, in a file that the front gave it (`WorkerSpec.report`): Python's
frames, as `faulthandler` writes them, and before them the call that ended the process, if it was `os._exit`.

It was written by a process that ran a stranger's code, so it may be anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from eas_host.ring import Crash
from eas_runtime.linking import places

_MAX_FRAMES: Final = 32
_CALL: Final = re.compile(r"os\._exit$", re.MULTILINE)
_FRAME: Final = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)$', re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\[xuU]([0-9a-f]{2,8})")
"""How it writes what is not ASCII."""
_LIBRARY: Final = re.compile(r"/lib\d*/python3\.\d+/(?!(site|dist)-packages/)|^<")
"""Python's own files."""
_HOST: Final = tuple(places.package(name) for name in ("allspark", "eas_host", "eas_runtime"))
_INTERPRETER: Final = re.compile(r"/(libpython3[\w.]*\.so[\w.]*|python3?[\d.]*|libffi\.so[\w.]*|_ctypes\.[\w-]+\.so)\+")
"""What runs Python's frames, and calls native functions for them."""


class PythonReport(NamedTuple):
    """
    A report.

    Attributes:
        call: what has ended the process: `os._exit`; "" for a crash.
        frames: the processor's frames in Python, innermost first.
    """

    call: str
    frames: tuple[str, ...]

    def complete(self, crash: Crash | None) -> Crash | None:
        """
        Add to *crash*, what the crash handler has recorded, what it could not know: of the native frames stay those
        below the last one in Python.
        """
        if crash is None or not self.frames:
            return crash
        native = itertools.takewhile(lambda frame: not _INTERPRETER.search(frame), crash.frames)
        return crash._replace(call=self.call or crash.call, frames=(*native, *self.frames))


def parse(text: str) -> PythonReport:
    """
    Read the report *text* of a dead process.
    """
    call = _CALL.match(text)
    return PythonReport(call[0] if call else "", tuple(itertools.islice(_frames(_FRAME.finditer(text)), _MAX_FRAMES)))


def _frames(found: Iterable[re.Match[str]]) -> Iterator[str]:
    """
    Yield the frames from the processor's innermost to its outermost one: below are the standard library's, above the
    host's.
    """
    inner = itertools.dropwhile(lambda frame: _LIBRARY.search(frame["file"]) or frame["file"].startswith(_HOST), found)
    for frame in itertools.takewhile(lambda frame: not frame["file"].startswith(_HOST), inner):
        yield _ESCAPED.sub(lambda code: chr(int(code[1], 16)), f"{frame['function']} ({frame['file']}:{frame['line']})")
