"""
What the native module does about the signals that a process of the host has taken (`eas_host.system.signals`).
"""

from __future__ import annotations

import os

from eas_host.ring.bindings import lib


def take_signal(number: int, *, ignored: bool) -> None:
    """
    Note that the host now handles signal *number*, which before was *ignored* or had its default action.
    """
    lib.eas_signal_take(number, ignored)


def forget_signals() -> None:
    """
    In a forked child: note that the host handles no signal.
    """
    lib.eas_signal_forget()


def block_signals_in_forks() -> None:
    """
    Block the signals that the host handles while Python forks and while the fork hooks that exist already run.
    """
    # The native functions themselves: if a hook were written in Python, a signal's handler could run in it, and Python
    # discards what is raised in a hook.
    os.register_at_fork(
        before=lib.eas_signal_block, after_in_parent=lib.eas_signal_unblock, after_in_child=lib.eas_signal_unblock
    )


def restore_signals() -> None:
    """
    Restore the handlers of signals that a JVM of this process has replaced.
    """
    lib.eas_signal_restore()


def keep_signals_restored() -> None:
    """
    Call `restore_signals` several times a second from now on, on a native thread.
    """
    lib.eas_signal_keep_restored()
