"""
What the native library does about the signals that a process of the host has taken (`eas_runtime.signals`).
"""

from eas_runtime import at_fork
from eas_runtime.ring.current import library


def take_signal(number: int, *, ignored: bool) -> None:
    """
    Note that the host now handles signal *number*, which before was *ignored* or had its default action.
    """
    library().functions.eas_signal_take(number, ignored)


def forget_signals() -> None:
    """
    In a forked child: note that the host handles no signal.
    """
    library().functions.eas_signal_forget()


def block_signals_in_forks() -> None:
    """
    Block the signals that the host handles while Python forks and while the fork hooks that exist already run.
    """
    # The native functions themselves: if a hook were written in Python, a signal's handler could run in it, and Python
    # discards what is raised in a hook.
    functions = library().functions
    at_fork.register(
        before=functions.eas_signal_block,
        after_in_parent=functions.eas_signal_unblock,
        after_in_child=functions.eas_signal_unblock,
    )


def restore_signals() -> None:
    """
    Restore the handlers of signals that a JVM of this process has replaced.
    """
    library().functions.eas_signal_restore()


def keep_signals_restored() -> None:
    """
    Call `restore_signals` several times a second from now on, on a native thread.
    """
    library().functions.eas_signal_keep_restored()


def on_main_thread() -> bool:
    """
    Tell whether this is the thread in which Python handles signals, also where threads have been replaced.
    """
    return bool(library().functions.eas_on_main_thread())
