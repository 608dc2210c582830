"""
Opens the service of a program, which is served in one of two ways.

Under `eas-host` the host has set `service_factory` before the program's first line. Under `python app.py` nobody has,
and opening a service starts a front of its own. This is the one place that knows of the host, and only when it is
called: importing allspark loads nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Callable

from allspark.service import Service, ServiceRequest

service_factory: Callable[[ServiceRequest], Service] | None = None


def open_service(request: ServiceRequest) -> Service:
    """
    Open this process's service; there is one, however often it is asked for.
    """
    if service_factory is not None:
        return service_factory(request)
    from eas_host.sidecar.program.opening import open_service as start_front  # noqa: PLC0415  late: see above

    return start_front(request)
