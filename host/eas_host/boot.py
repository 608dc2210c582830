"""
How this project starts further Python processes: with the same interpreter, from the same source, and without looking
into the working directory first, as `python -m` would.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

_SOURCE_ROOT: Final = str(Path(__file__).parents[1])
_LINES: Final = (
    "import sys; sys.path[:1] == [''] and sys.path.pop(0); root = sys.argv.pop(1); "
    "root in sys.path or sys.path.append(root); "
    "from {module} import main; sys.exit(main())"
)


def command(module: str, *words: object) -> list[str]:
    """
    The command that runs `main` of *module* with *words* as its arguments.
    """
    return [sys.executable, "-c", _LINES.format(module=module), _SOURCE_ROOT, *map(str, words)]


def fill_standard_streams() -> None:
    """
    Open /dev/null in place of standard streams that are closed: sockets and pipes of ours must not get their numbers,
    where processes that are started, and all that prints, look for something else.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
