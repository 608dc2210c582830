"""
Opens the service of a program.

Under `eas-host` the host has set `service_factory` before the program's first line runs. Under `python app.py` it is
None, and opening the service starts a front for this process. Only this file imports the host, and only when the
service is opened: importing allspark loads nothing but the standard library.
"""

from typing import Callable

from allspark.service import OpenedService, ServiceRequest

service_factory: "Callable[[ServiceRequest], OpenedService] | None" = None


def open_service(request: ServiceRequest) -> OpenedService:
    """
    Open the service of this process. There is one: opening it again returns the same.
    """
    if service_factory is not None:
        return service_factory(request)
    from eas_runtime.program.opening import open_service as start_front  # noqa: PLC0415  late: see above

    return start_front(request)
