"""
The processor processors/python/tries.py, which evaluates what it is sent.
"""

from __future__ import annotations

from support.build import SOURCES
from support.host import Host

TRIES = SOURCES / "python" / "tries.py"


def evaluate(host: Host, expression: str) -> str:
    """The value of *expression* in the worker, as text, or the name of the error that it raised."""
    return host.call(expression.encode()).body.decode()
