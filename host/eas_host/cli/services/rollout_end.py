"""
How the commands end that change a service: they wait until it runs, and say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eas_host.cli.services.cluster_parser import print_json

if TYPE_CHECKING:
    from eas_host.management.console import Console
    from eas_host.management.kubernetes_api import KubernetesApi


def finish_rollout(
    api: KubernetesApi, name: str, console: Console, seconds: float, *, as_json: bool, last: str = ""
) -> int:
    """
    Wait for so many *seconds* until the service *name* is as it is to be. *last*: what is said then. Returns the exit
    code.

    Raises:
        RolloutFailed: it does not come to that.
    """
    from eas_host.management.report import describe  # noqa: PLC0415  see `cluster_parser.connect`
    from eas_host.management.revisions import read_revisions  # noqa: PLC0415
    from eas_host.management.rollout import wait_until_running  # noqa: PLC0415
    from eas_host.management.stored_service import STOPPED, get_service  # noqa: PLC0415

    if seconds:
        service = wait_until_running(api, name, console, seconds)
        console.ok(last or ("Service is stopped" if service.status == STOPPED else "Service is running"))
    else:
        service = get_service(api, name)
    if as_json:
        print_json(describe(api, service, read_revisions(api, name), ""))
    return 0
