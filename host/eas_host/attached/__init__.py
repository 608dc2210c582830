"""
`python app.py`: the user's own process is the worker, and the HTTP front is a process that it has started.

What a breakpoint, a profiler or an editor expects to find in the user's process is there: `process` runs in its
threads. What must not wait for the user's code, accepting and answering, is in the front, over the same ring as under
`eas-host`.

    session     the user's side: starts the front, runs, ends
    interrupts  its Ctrl+C
    forks       its worker processes, where there are several
    front       the front's program
    program     the front's view of the user's process
    forked      its view of those worker processes
"""

from __future__ import annotations

from multiprocessing.process import current_process
from typing import TYPE_CHECKING

from eas_host.unpatched import allocate_lock

if TYPE_CHECKING:
    from allspark.opening import Opening
    from eas_host.attached.session import Session

_lock = allocate_lock()
_session: Session | None = None


def open_service(wanted: Opening) -> Session:
    """
    Start the front, or join the one that is there: a process has one.

    Raises:
        SystemExit: the front cannot start; it has said why.
    """
    global _session  # noqa: PLW0603  as there is one front
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError(
            "a worker process that is being spawned imports this file again: construct and run the processor"
            ' under `if __name__ == "__main__":`'
        )
    with _lock:
        if _session is None:
            from eas_host.attached.session import Session  # noqa: PLC0415  what it needs takes time to import

            _session = Session(wanted)
        else:
            _session.join(wanted)
        return _session
