"""
A host whose worker has the terminal: pdb runs there, on whichever Python the processor has.

The worker is in a session of its own, so Ctrl+C reaches the host alone. While there is a call, it is passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
from collections.abc import Iterator
from typing import Final

from eas_host.debug.host import DebugHost, OwnRequest
from eas_host.deploy.deployment import Deployment

_TWICE_SECONDS: Final = 1.0
"""Ctrl+C that comes again within this time ends the host."""


class PdbHost(DebugHost):
    """
    A `DebugHost` for processors in Python whose spec says where pdb stops.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deployment: Deployment, request: OwnRequest | None) -> None:
        super().__init__(loop, deployment, request)
        self._interrupted_at = -_TWICE_SECONDS

    def _interrupt(self) -> bool:
        now, before = self.loop.time(), self._interrupted_at
        self._interrupted_at = now
        is_busy = not self._is_loaded or not self._backend.idle
        if self.stopping.done() or now - before < _TWICE_SECONDS or not is_busy:
            return False
        for pid in self.workers.pids.values():
            os.kill(pid, signal.SIGINT)
        return True


@contextlib.contextmanager
def terminal_restored() -> Iterator[None]:
    """
    Restore the settings of the terminal afterwards: a worker that is killed at pdb's prompt leaves its own.
    """
    if not sys.stdin.isatty():
        yield
        return
    settings = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        # A process in the background, such as one whose shell has gone on, would be stopped by that.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        termios.tcsetattr(sys.stdin, termios.TCSANOW, settings)
