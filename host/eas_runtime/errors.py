"""
What can go wrong while a processor is loaded, as far as the processor's own interpreter finds it out. `eas_host.errors`
has the whole tree.
"""

import sys


class HostError(Exception):
    """
    Superclass of all errors of this project. Never raised itself.

    The text is one line for the user: what was wrong, where, and what to do. *detail* holds what belongs below that
    line, such as the user's own frames.
    """

    exit_code = 1

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class LoadError(HostError):
    """
    The processor cannot be used. Raised as one of its children.
    """

    exit_code = 3


class EntryNotFound(LoadError):
    """
    There is no such file, class or module.
    """


class EntryInvalid(LoadError):
    """
    It exists, but it is no processor of its type: wrong format or machine, missing symbol, library, method or class.
    """


class InitializeFailed(LoadError):
    """
    The processor's own code failed while it loaded: a state other than 0, or an exception.
    """


class SystemShortage(LoadError):
    """
    The system has no room for another process or thread now. That says nothing about the processor, and may pass.
    """


LOAD_ERRORS = {cls.__name__: cls for cls in (EntryNotFound, EntryInvalid, InitializeFailed, SystemShortage)}
"""How a load error travels from a worker process: by the name of its class."""


def format_trace() -> str:
    """
    Return the trace of the exception that is handled now, a bug of the host; or the exception alone, where the system
    has no memory or descriptor left for more.
    """
    handled = sys.exc_info()[1]
    try:
        import traceback  # noqa: PLC0415  only a bug needs it, and each worker would wait for it

        return traceback.format_exc()
    except Exception:  # noqa: BLE001  whatever keeps it from being imported
        return f"{handled!r}\n"


def print_trace() -> None:
    """
    Write that to standard error.
    """
    sys.stderr.write(format_trace())
