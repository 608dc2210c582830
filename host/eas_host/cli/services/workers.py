"""
The command `eas-host showworkers`, or `w`: the instances of a service.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json

_EXAMPLES: Final = """\
example:
  eas-host w scorer

READY [0/1]: it takes no requests, since it starts, or is not healthy. LASTSTATE: how it ended before its last restart.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no such service, or the cluster cannot be asked.
    """
    parser = make_cluster_parser("showworkers", "List the instances of a service in a Kubernetes cluster.", _EXAMPLES)
    args = vars(parser.parse_args(argv))
    api = connect(args)
    from eas_host.management.console import Console, list_table  # noqa: PLC0415  see `connect`
    from eas_host.management.report import WORKERS_HEADING, worker_row, workers_of  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    workers = workers_of(api, get_service(api, args["name"]))
    if "json" in args:
        print_json(workers)
        return 0
    console = Console(as_json=False)
    console.request_id()
    console.lines(list_table(WORKERS_HEADING, [worker_row(one) for one in workers]))
    return 0
