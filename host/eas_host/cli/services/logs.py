"""
The command `eas-host logs`: what the instances of a service print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json
from eas_host.config import option_types
from eas_host.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from eas_host.management.kubernetes_api import KubernetesApi

_LINES: Final = "100"
_MOST_LINES: Final = 1_000_000
_CONTAINER: Final = "host"
_EXAMPLES: Final = """\
examples:
  eas-host logs scorer                        all instances, one after the other
  eas-host logs scorer INSTANCE -f            one, also what follows
  eas-host logs scorer INSTANCE --previous    what it printed before its last restart
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no such instance, or the cluster cannot be asked.
    """
    parser = make_cluster_parser("logs", "Print what the instances of a service print.", _EXAMPLES)
    parser.add_argument("instance", nargs="?", metavar="INSTANCE", help="one, as `eas-host w` lists them; default: all")
    parser.add_argument("--lines", metavar="N", help=f"the last lines of each [{_LINES}]")
    parser.add_argument("--previous", action="store_true", help="what it printed before its last restart")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what it prints; of one instance")
    args = vars(parser.parse_args(argv))
    try:
        lines = option_types.int_range(1, _MOST_LINES)(args.get("lines", _LINES))
    except ValueError as error:
        raise ConfigError(f"--lines: {args['lines']!r}: {error}") from error
    api = connect(args)
    from eas_host.log.table import printable  # noqa: PLC0415  see `connect`
    from eas_host.management.report import workers_of  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    service = get_service(api, args["name"])
    names = [str(worker["InstanceName"]) for worker in workers_of(api, service)]
    if args.get("instance") is not None:
        if args["instance"] not in names:
            listed = ", ".join(names) or "none"
            raise ClusterError(f"{args['instance']}: is no instance of {service.name}; there are {listed}")
        names = [args["instance"]]
    if "follow" in args:
        if len(names) != 1:
            raise ConfigError(f"--follow: follows one instance; name it: {', '.join(names) or 'there is none now'}")
        for line in api.follow_log(names[0], _CONTAINER, lines):
            print(printable(line), flush=True)
        return 0
    printed = _read_all(api, names, lines, args)
    if "json" in args:
        print_json(printed)
        return 0
    for name, found in printed.items():
        if len(names) > 1:
            print(f"==> {name} <==")
        print("".join(f"{printable(line)}\n" for line in found), end="", flush=True)
    return 0


def _read_all(api: KubernetesApi, names: Sequence[str], lines: int, args: Mapping[str, Any]) -> dict[str, list[str]]:
    """
    Return the logs of instances. One that has none, since it waits or was not restarted, does not hide the others.

    Raises:
        ClusterError: none of them has one.
    """
    from eas_host.management.console import Console  # noqa: PLC0415  see `cluster_parser.connect`

    printed: dict[str, list[str]] = {}
    failed: dict[str, ClusterError] = {}
    for name in names:
        try:
            printed[name] = api.log(name, _CONTAINER, lines, previous="previous" in args)
        except ClusterError as error:
            failed[name] = error
    for name, why in failed.items():
        if not printed:
            raise why
        Console(as_json=True).warn(f"{name}: it has no log: {why.message}")
    return printed
