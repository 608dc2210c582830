"""
What processors of all languages have in common.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from eas_runtime.stacks import Stack

else:
    Protocol = object  # which Python has since 3.8


class WorkerProcessor(Protocol):
    """
    A processor of any language. It is made from its *spec*, takes requests from *ring*, and reaches the front by
    *control*.
    """

    owns_signals: bool
    """Whether the language's runtime handles SIGSEGV and the like itself, as a JVM does."""

    def run(self, serve: "Callable[[], None]") -> None:
        """
        Load and initialise the processor on the calling thread, then call *serve*, which returns when the worker is to
        end.

        *serve* is called from here, and not by the caller of `run`, because in a Python program it runs inside the
        program's own `run()`.

        Raises:
            LoadError: the processor cannot be used.
        """

    def start(self) -> None:
        """
        Start the threads that call the processor. Called by `serve`.
        """

    def join(self, timeout: "float | None" = None) -> bool:
        """
        Wait until the threads have ended, after `WorkerRing.stop`. Called by `serve`.

        In the host's own process the wait has a *timeout*, in seconds for each thread. False: a thread that needs
        Python has not ended.
        """

    def stacks(self) -> "list[Stack]":
        """
        Return the stacks of the threads that run the processor's code now: while it is being loaded, of the thread that
        does that; then of those that run a request. Called on a thread of its own; nothing may be changed by it.
        """
