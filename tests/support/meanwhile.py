"""
Does something between two steps of another process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

_FILES = ("open", "os.", "shutil.")


def meanwhile(step: int, act: Callable[[], None], work: Callable[[], None]) -> bool:
    """
    Does *work* in a fork, and *act* just before it touches the file system for the *step*-th time.

    Returns:
        Whether there was such a step.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if _work(step, act, work) else 2
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 2}
    return code == 0


def _work(step: int, act: Callable[[], None], work: Callable[[], None]) -> bool:
    left = step

    def count(event: str, _: object) -> None:
        nonlocal left
        if left and event.startswith(_FILES):
            left -= 1
            if left == 0:
                act()

    sys.addaudithook(count)  # for good, so in a fork
    work()
    return left == 0
