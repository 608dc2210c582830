"""
Everything that can go wrong, in one tree, split by whose fault it is.

Each class has the exit code with which its errors end the host. An exception outside this tree is a bug of the host: it
is logged with its traceback and never shown to a client.
"""

from __future__ import annotations


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


class ConfigError(HostError):
    """
    A flag, an environment variable or a description is wrong.
    """

    exit_code = 2


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


class BindError(HostError):
    """
    The host cannot listen on the address.
    """

    exit_code = 4


LOAD_ERRORS: dict[str, type[LoadError]] = {
    cls.__name__: cls for cls in (EntryNotFound, EntryInvalid, InitializeFailed, SystemShortage)
}
"""How a load error travels from a worker process: by the name of its class."""
