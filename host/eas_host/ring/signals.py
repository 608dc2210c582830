"""
What the native module does about the signals that a process of the host has taken (`eas_host.system.signals`).
"""

from __future__ import annotations

import os

from eas_host.ring.face import lib


def take_signal(number: int, *, ignored: bool) -> None:
    """
    Note that the handler of *number* is ours now; before, the signal was *ignored* or had its default action.
    """
    lib.eas_signal_take(number, ignored)


def forget_signals() -> None:
    """
    In a child that was forked: nothing is taken.
    """
    lib.eas_signal_forget()


def hold_signals_in_forks() -> None:
    """
    Have none of the signals that are taken come while Python forks and the hooks that are there already run.
    """
    # The functions themselves: Python swallows what the handler of a signal raises in a hook that is written in Python.
    os.register_at_fork(
        before=lib.eas_signal_hold, after_in_parent=lib.eas_signal_release, after_in_child=lib.eas_signal_release
    )


def restore_signals() -> None:
    """
    Take back what a JVM has taken.
    """
    lib.eas_signal_restore()


def guard_signals() -> None:
    """
    Do that from now on.
    """
    lib.eas_signal_guard()
