"""
The commands `eas-host scale`, `stop`, `start` and `restart`: how many instances a service has, and new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.command_parser import CommandParser
from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, read_timeout
from eas_host.cli.services.rollout_end import finish_rollout
from eas_host.config import option_types
from eas_host.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from eas_host.management.kubernetes_api import KubernetesApi
    from eas_host.management.stored_service import StoredService

_MOST: Final = 3000
"""As many as EAS's console allows, and `metadata.instance` here."""


def scale(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: as of the others here, an argument is wrong, the cluster refuses, or the instances do not run.
    """
    parser = _parser("scale", "Change the number of instances of a service. None is replaced.", "scorer 3")
    parser.add_argument("instances", metavar="N", help="how many")
    args = vars(parser.parse_args(argv))
    try:
        number = option_types.int_range(0, _MOST)(args["instances"])
    except ValueError as error:
        raise ConfigError(f"N: {args['instances']!r}: {error}") from error
    return _change(args, lambda api, service: _scale(api, service, number), "scaling", ends=number == 0)


def _scale(api: KubernetesApi, service: StoredService, instances: int) -> str:
    """
    Change the number of instances, unless an autoscaler would change it back at once. Returns what to know of that.
    """
    from eas_host.management import deployer  # noqa: PLC0415  see `cluster_parser.connect`
    from eas_host.management.autoscaler import find_autoscaler  # noqa: PLC0415

    name, scaler = service.name, find_autoscaler(api, service.base)
    if scaler is not None and not scaler.allows(instances):
        instead = f"max={instances}" if instances > scaler.most else f"min={instances}"
        other = f"change that with `eas-host autoscale {name} -D {instead}`" if instances else f"`eas-host stop {name}`"
        raise ClusterError(
            f"{name}: its autoscaler keeps it at {scaler.bounds}, so {instances} would not stay; {other}, or end that"
            f" with `eas-host autoscale rm {name}`"
        )
    deployer.scale(api, service, instances)
    if scaler is None:
        return ""
    return f"the autoscaler goes on from there, with {scaler.bounds}; `eas-host autoscale rm {name}` ends that"


def stop(argv: Sequence[str]) -> int:
    """
    Run the command.
    """
    args = vars(_parser("stop", "Take all instances of a service away, until `start`.", "scorer").parse_args(argv))
    from eas_host.management import deployer  # noqa: PLC0415  see `cluster_parser.connect`

    return _change(args, deployer.stop, "stopping", ends=True)


def start(argv: Sequence[str]) -> int:
    """
    Run the command.
    """
    parser = _parser("start", "Give a stopped service its instances back.", "scorer")
    args = vars(parser.parse_args(argv))
    from eas_host.management import deployer  # noqa: PLC0415  see `cluster_parser.connect`

    return _change(args, deployer.start, "starting")


def restart(argv: Sequence[str]) -> int:
    """
    Run the command.
    """
    parser = _parser(
        "restart", "Replace all instances of a service by new ones; the old ones serve until then.", "scorer"
    )
    args = vars(parser.parse_args(argv))
    from eas_host.management import deployer  # noqa: PLC0415  see `cluster_parser.connect`

    return _change(args, deployer.restart, "restarting")


def _parser(name: str, about: str, words: str) -> CommandParser:
    return make_cluster_parser(name, about, f"example:\n  eas-host {name} {words}\n", waits=True)


def _change(
    args: dict[str, Any],
    change: Callable[[KubernetesApi, StoredService], str | None],
    doing: str,
    *,
    ends: bool = False,
) -> int:
    """
    Have the service be changed by *change*, which may return a warning, and wait until it is as it is to be. *doing*:
    in EAS's words. *ends*: it loses all of its instances.
    """
    seconds = read_timeout(args)
    api = connect(args)
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.release.service_pair import check_unused  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    service = get_service(api, args["name"])
    if ends:
        check_unused(api, service)
    warning = change(api, service)
    console = Console(as_json="json" in args)
    console.request_id()
    console.ok(f"Service [{service.name}] in region [{api.namespace}] is {doing}")
    if warning:
        console.warn(warning)
    return finish_rollout(api, service.name, console, seconds, as_json="json" in args)
