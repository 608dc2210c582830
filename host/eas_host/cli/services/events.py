"""
The command `eas-host events`: what the cluster has noted of a service lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json

_HEADING: Final = ("TIME", "TYPE", "OBJECT", "REASON", "MESSAGE")
_EXAMPLES: Final = """\
example:
  eas-host events scorer

Kubernetes keeps them for an hour.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no such service, or the cluster cannot be asked.
    """
    about = "List what a Kubernetes cluster has noted of a service lately, the oldest first."
    args = vars(make_cluster_parser("events", about, _EXAMPLES).parse_args(argv))
    api = connect(args)
    from eas_host.management.console import Console, list_table, local_time  # noqa: PLC0415  see `connect`
    from eas_host.management.report import events_of  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    events = events_of(api, get_service(api, args["name"]))
    if "json" in args:
        print_json(events)
        return 0
    rows = [[local_time(one["Time"]), one["Type"], one["Object"], one["Reason"], one["Message"]] for one in events]
    console = Console(as_json=False)
    console.request_id()
    console.lines(list_table(_HEADING, rows))
    return 0
