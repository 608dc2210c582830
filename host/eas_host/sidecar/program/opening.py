"""
Opens the service of this process. There is one, however often the program asks for it.

The front is started first. While it starts, what else is needed is imported.
"""

from __future__ import annotations

from multiprocessing.process import current_process
from typing import TYPE_CHECKING

from allspark.service import ServiceRequest
from eas_host.sidecar.program.front_process import FrontProcess
from eas_host.unpatched import allocate_lock

if TYPE_CHECKING:
    from eas_host.sidecar.program.session import Session

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
        front = FrontProcess(request)
        from eas_host.sidecar.program.session import Session  # noqa: PLC0415  it needs much, and the front starts already

        session = Session(front, request)
        session.open(request)
        _session = session
        return session
