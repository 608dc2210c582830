"""
How a test begins the stop of a host and knows that it has begun.
"""

from __future__ import annotations

import signal

from support.host import Host

SHUTTING_DOWN = r"^\[INFO\] shutting down context \.\.\. press Ctrl\+C again to force quit$"


def begin_stop(host: Host, number: signal.Signals = signal.SIGINT) -> None:
    """Sends a signal and waits until the host says that it stops."""
    host.send_signal(number)
    host.log.wait(SHUTTING_DOWN, stream="stdout")
