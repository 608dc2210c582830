"""
One function on a stack, and how it is written: `score(int const*) (scorer.cc:41)`, or without debug information
`score(int const*) (/srv/libscorer.so+0x1139)`. Frames in Java and Python have that form, too.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

_OFFSET: Final = re.compile(r"(?P<module>/.*)\+0x(?P<offset>[0-9a-f]{1,16})")


class CodeAddress(NamedTuple):
    """
    A place in the code of the file *module*. The *offset* counts from the file's first mapping.
    """

    module: str
    offset: int

    @classmethod
    def parse(cls, text: str) -> CodeAddress | None:
        """
        Read `path+0xoffset`, as workers write it; None if *text* is something else.
        """
        found = _OFFSET.fullmatch(text)
        return None if found is None else cls(found["module"], int(found["offset"], 16))

    def __str__(self) -> str:
        return f"{self.module}+{self.offset:#x}"


class StackFrame(NamedTuple):
    """
    One function on a stack.

    Attributes:
        address: where it was; None if no file is mapped there.
        function: its name, `""` if it is not known.
        file: its source, `""` if there is no debug information.
        line: the line that it was in; 0 for what the compiler has added.
    """

    address: CodeAddress | None
    function: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        if self.file:
            place = f"{_shown(self.file)}:{self.line}" if self.line else _shown(self.file)
            return f"{self.function or '??'} ({place})"
        if self.address is None:
            return self.function or "?"
        return f"{self.function} ({self.address})" if self.function else str(self.address)


def _shown(file: str) -> str:
    """
    Return *file* as people who work in this process's folder write it.
    """
    file = os.path.normpath(file)
    with contextlib.suppress(OSError, ValueError):  # the folder was removed, or has nothing to do with the file
        here = Path.cwd()
        return str(Path(file).relative_to(here)) if here != Path("/") else file
    return file
