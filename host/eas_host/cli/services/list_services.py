"""
The command `eas-host list`, or `ls`: the services in a namespace of a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json

_EXAMPLES: Final = """\
example:
  eas-host list --namespace models

REGION is the namespace.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, or the cluster cannot be asked.
    """
    parser = make_cluster_parser("list", "List the services in a Kubernetes cluster.", _EXAMPLES, named=False)
    args = vars(parser.parse_args(argv))
    api = connect(args)
    from eas_host.management.console import Console, list_table  # noqa: PLC0415  see `connect`
    from eas_host.management.release.service_pair import weights_of  # noqa: PLC0415
    from eas_host.management.report import ALONE, LIST_HEADING, list_row, service_path  # noqa: PLC0415
    from eas_host.management.stored_service import list_services  # noqa: PLC0415

    services = list_services(api)
    weights = weights_of(api, services)
    if "json" in args:
        print_json(
            [
                {
                    "ServiceName": one.name,
                    "Region": api.namespace,
                    "TotalInstance": one.total,
                    "RunningInstance": one.running,
                    "CreateTime": one.created,
                    "UpdateTime": one.updated,
                    "Status": one.status,
                    "CurrentVersion": one.version,
                    "Weight": weights.get(one.name, ALONE),
                    "ServicePath": service_path(one.called_as),
                }
                for one in services
            ]
        )
        return 0
    console = Console(as_json=False)
    console.request_id()
    rows = [list_row(one, api.namespace, weights.get(one.name, ALONE)) for one in services]
    console.lines(list_table(LIST_HEADING, rows))
    return 0
