"""
`python app.py`: the user's own process is the worker, and the HTTP front is a process that it has started.

What a breakpoint, a profiler or an editor expects to find in the user's process is there: `process` runs in its
threads. What must not wait for the user's code, accepting and answering, is in the front, over the same ring as under
`eas-host`.

In the user's process:

    front_process  starts the front
    session        serves until it is over
    interrupts     its Ctrl+C
    forks          its worker processes, where there are several

In the front:

    front          its main program
    program        its view of the user's process
    forked         its view of those worker processes
"""

from __future__ import annotations

from multiprocessing.process import current_process
from typing import TYPE_CHECKING

from eas_host.unpatched import allocate_lock

if TYPE_CHECKING:
    from allspark.service import ServiceRequest
    from eas_host.attached.session import Session

_lock = allocate_lock()
_session: Session | None = None


def open_service(request: ServiceRequest) -> Session:
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
        if _session is not None:
            _session.open(request)
            return _session
        from eas_host.attached.front_process import FrontProcess  # noqa: PLC0415  only who opens a service needs it

        front = FrontProcess(request)
        # While it starts, what else is needed is imported.
        from eas_host.attached.session import Session  # noqa: PLC0415

        session = Session(front, request)
        session.open(request)
        _session = session
        return session
