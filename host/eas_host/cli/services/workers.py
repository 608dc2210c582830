"""
The commands `eas-host showworkers`, or `w`, and `deleteworkers`, or `dw`: the instances of a service.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.cli.services.cluster_parser import confirm, connect, make_cluster_parser, print_json
from eas_host.errors import ClusterError

_EXAMPLES: Final = """\
example:
  eas-host w scorer

READY [0/1]: it takes no requests, since it starts, or is not healthy. LASTSTATE: how it ended before its last restart.
"""
_DELETE_EXAMPLES: Final = """\
examples:
  eas-host dw scorer eas-scorer-5d7c-x1
  eas-host dw scorer eas-scorer-5d7c-x1,eas-scorer-5d7c-x2 -y     does not ask
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


def delete(argv: Sequence[str]) -> int:
    """
    Run the command `deleteworkers`.

    Raises:
        HostError: an argument is wrong, there is no such instance, or the cluster refuses.
    """
    about = "Delete instances of a service in a Kubernetes cluster. It makes others in their place."
    parser = make_cluster_parser("deleteworkers", about, _DELETE_EXAMPLES)
    parser.add_argument("instances", metavar="INSTANCE[,INSTANCE]", help="which, as `eas-host w` lists them")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    args = vars(parser.parse_args(argv))
    api = connect(args)
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.deployer import delete_instances  # noqa: PLC0415
    from eas_host.management.report import workers_of  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    name, place = args["name"], api.namespace
    there = [str(worker["InstanceName"]) for worker in workers_of(api, get_service(api, name))]
    names = [one.strip() for one in args["instances"].split(",")]
    for one in names:
        if one not in there:
            raise ClusterError(f"{one!r}: is no instance of {name}; there are {', '.join(there) or 'none'}")
    shown = ",".join(names)
    question = f"Are you sure to delete the instances [{shown}] of service [{name}] in [{place}]?"
    if "yes" not in args and not confirm(question):
        return 1
    delete_instances(api, names)
    console = Console(as_json="json" in args)
    console.request_id()
    console.ok(f"Instance(s) [{shown}] for service [{name}] in region [{place}] was deleted successfully")
    if "json" in args:
        print_json({"ServiceName": name, "Region": place, "Instances": names})
    return 0
