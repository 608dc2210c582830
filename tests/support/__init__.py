"""
What the tests stand on: a real host, a client that sends exact bytes, gates that hold requests, processors
built on the spot.

Three rules hold everywhere here. Nothing is mocked: the host is the real program and its processors are real
files. Nothing sleeps: a test waits for a line, a byte or the end of a process. Nothing is timed: the only
clocks are the generous limits that turn a hang into a failure.
"""

from __future__ import annotations

import random

# How long anything may take before it counts as hung. Generous: a busy CI machine starts a JVM in ten
# seconds.
PATIENCE = 90.0

LONG = 120_000  # milliseconds; as --keepalive and the like, a deadline that plays no part in a test


def dice(seed: object) -> random.Random:
    """Chance that falls the same way in each run."""
    return random.Random(str(seed))  # noqa: S311 - no secret depends on it
