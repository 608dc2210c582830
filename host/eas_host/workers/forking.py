"""
What a program forks is not the program: its children, those of a pool for example, take signals as any process does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Masks(threading.local):
    """
    What was blocked before a fork, for each `restore_in_children`.
    """

    def __init__(self) -> None:
        self.before: list[set[int]] = []


_masks: Final = _Masks()


def restore_in_children(restore: Callable[[], None]) -> None:
    """
    Have *restore* put the handlers of signals back in each child that this process forks.

    A signal that comes in between would be lost: the child would note it for a handler that is not there any more. So
    it waits until *restore* is done.
    """

    def block() -> None:
        _masks.before.append(signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS))

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before.pop())

    def begin_child() -> None:
        restore()
        unblock()

    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=begin_child)
