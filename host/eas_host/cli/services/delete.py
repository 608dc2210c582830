"""
The command `eas-host delete`: takes a service out of a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.cli.release.leave_route import leave_route, pair_to_leave
from eas_host.cli.services.cluster_parser import confirm, connect, make_cluster_parser, print_json, read_timeout

_EXAMPLES: Final = """\
examples:
  eas-host delete scorer          asks first
  eas-host delete scorer -y
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no such service, or the cluster refuses.
    """
    about = "Delete a service in a Kubernetes cluster, with all its versions, and wait until its instances are gone."
    parser = make_cluster_parser("delete", about, _EXAMPLES, waits=True)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    args = vars(parser.parse_args(argv))
    seconds, name = read_timeout(args), args["name"]
    api = connect(args)
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.deployer import delete, delete_policies, find_leftovers  # noqa: PLC0415
    from eas_host.management.rollout import wait_until_gone  # noqa: PLC0415
    from eas_host.management.stored_service import no_such_service  # noqa: PLC0415

    found = find_leftovers(api, name)
    if found is None:
        raise no_such_service(api, name)
    pair = pair_to_leave(api, name)
    if "yes" not in args and not confirm(f"Are you sure to delete the service [{name}] in [{api.namespace}]?"):
        return 1
    console = Console(as_json="json" in args)
    console.request_id()
    if pair is not None:
        leave_route(api, pair, console)
    delete(api, found)
    console.ok(f"Service [{name}] in region [{api.namespace}] is terminating")
    if seconds:
        wait_until_gone(api, name, console, seconds)
    delete_policies(api, found)
    if seconds:
        console.ok("Service was deleted successfully")
    if "json" in args:
        print_json({"ServiceName": name, "Region": api.namespace, "Status": "Deleted" if seconds else "Deleting"})
    return 0
