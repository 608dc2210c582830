"""
Programs that do nothing but compute, as a model's inference beside the service would.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def burning(number: int) -> Iterator[None]:
    """
    Have so many cores busy meanwhile.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(burner.wait)
            stack.callback(burner.kill)
        yield
