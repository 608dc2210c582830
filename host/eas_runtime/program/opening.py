"""
Opens the service of this process. There is one, however often the program asks for it.

The front is started first. While it starts, this process imports what else it needs.
"""

from multiprocessing.process import current_process
from typing import TYPE_CHECKING

from allspark.service import ServiceRequest
from eas_runtime.program.front_process import FrontProcess
from eas_runtime.unpatched import allocate_lock

if TYPE_CHECKING:
    from eas_runtime.program.sidecar_service import SidecarService

_lock = allocate_lock()
_service: "SidecarService | None" = None


def open_service(request: ServiceRequest) -> "SidecarService":
    """
    Open the service of this process: start its front, if no front runs yet.

    Raises:
        SystemExit: the front cannot start, and has printed the reason.
    """
    global _service  # noqa: PLW0603  a process has one service
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError(
            "a worker process that is being spawned imports this file again: construct and run the processor"
            ' under `if __name__ == "__main__":`'
        )
    with _lock:
        if _service is not None:
            _service.open(request)
            return _service
        front = FrontProcess(request)
        from eas_runtime.program.sidecar_service import SidecarService  # noqa: PLC0415  see above

        service = SidecarService(front, request)
        service.open(request)
        _service = service
        return service
