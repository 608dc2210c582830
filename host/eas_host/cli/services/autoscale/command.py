"""
The command `eas-host autoscale`: how many instances a service has at what load, and `autoscale rm`, which ends that.

Strategy: the autoscaler belongs to the service, not to a version, so this makes none, and replaces no instance. `-D`
changes what there is; a file is all that there is to be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.services.autoscale import keys
from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json
from eas_host.cli.services.modify import read_stored, stored_revision
from eas_host.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from eas_host.cluster.cluster_service import ClusterService
    from eas_host.management.kubernetes_api import KubernetesApi
    from eas_host.management.stored_service import StoredService

_ABOUT: Final = "Have a Kubernetes cluster choose the number of instances of a service by their load."
_EXAMPLES: Final = """\
examples:
  eas-host autoscale scorer -D min=1 -D max=3 -D strategies.cpu=60     percent of metadata.cpu
  eas-host autoscale scorer -D strategies.qps=10                       requests a second of each instance
  eas-host autoscale scorer -s autoscaler.json                         {"min": 1, "max": 3, "strategies": {"qps": 10}}
  eas-host autoscale rm scorer

`-D` changes what there is, and an empty value removes a key; a file is all that there is to be. No instance is
replaced, and `modify`, `version`, `stop` and `start` keep the autoscaler. qps and custom[METRIC] need an adapter in the
cluster (docs/cluster.md).
"""
_REMOVE_EXAMPLES: Final = """\
example:
  eas-host autoscale rm scorer

The number of instances stays as it is.
"""
_REMOVE: Final = "rm"


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no such service, or the cluster refuses.
    """
    if len(argv) > 1 and argv[0] == _REMOVE and not argv[1].startswith(("-D", "-s")):  # else a service of that name
        return _remove(argv[1:])
    parser = make_cluster_parser("autoscale", _ABOUT, _EXAMPLES)
    parser.add_argument("-D", dest="words", action="append", metavar="KEY=VALUE", help="change a key")
    parser.add_argument("-s", dest="changes", metavar="FILE", help="have all keys that are in this JSON file")
    args = vars(parser.parse_args(argv))
    if "words" not in args and "changes" not in args:
        raise ConfigError("nothing is to change; name it with -D KEY=VALUE, such as -D max=3, or with -s FILE")
    named = keys.read_file(args["changes"]) if "changes" in args else None
    keys.apply_words({}, args.get("words", []))  # so that a wrong word does not wait for the cluster
    api = connect(args)
    from eas_host.management import autoscaler  # noqa: PLC0415  see `connect`
    from eas_host.management.console import Console  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    service = get_service(api, args["name"])
    scaler = autoscaler.find_autoscaler(api, service.base)
    start = named if named is not None else scaler.keys if scaler is not None else {}
    wanted = autoscaler.nested(keys.apply_words(start, args.get("words", [])))
    read = _read(api, service, wanted, args)
    if read.settings.autoscaling is None:
        raise ConfigError(
            f"{service.name}: there is nothing by which it could scale; name it with -D strategies.cpu=60, or end it"
            f" with `eas-host autoscale rm {service.name}`"
        )
    autoscaler.set_autoscaler(api, read, read.settings.autoscaling, scaler)
    console = Console(as_json="json" in args)
    console.request_id()
    if scaler is None:
        console.ok(f"Succeed to auto scale service [{service.name}]")
    else:
        console.ok(f"Update auto scale for service [{service.name}] successfully")
    if "json" in args:
        now = autoscaler.find_autoscaler(api, service.base)
        told = autoscaler.report(now) if now is not None else {}
        print_json({"ServiceName": service.name, "Region": api.namespace, "Autoscaler": told})
    return 0


def _remove(argv: Sequence[str]) -> int:
    about = "Have nothing choose the number of instances of a service in a Kubernetes cluster any more."
    args = vars(make_cluster_parser("autoscale rm", about, _REMOVE_EXAMPLES).parse_args(argv))
    api = connect(args)
    from eas_host.management.autoscaler import find_autoscaler, remove_autoscaler  # noqa: PLC0415  see `connect`
    from eas_host.management.console import Console  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    service = get_service(api, args["name"])
    if find_autoscaler(api, service.base) is None:
        raise ClusterError(f"{service.name}: has no autoscaler, which could be removed")
    remove_autoscaler(api, service.base)
    console = Console(as_json="json" in args)
    console.request_id()
    console.ok(f"Autoscaler for service [{service.name}] deleted successfully")
    if "json" in args:
        print_json({"ServiceName": service.name, "Region": api.namespace, "Autoscaler": {}})
    return 0


def _read(
    api: KubernetesApi, service: StoredService, wanted: Mapping[str, Any], args: Mapping[str, Any]
) -> ClusterService:
    """
    Read the version that runs with another autoscaler, which is checked as in any description. The token has nothing to
    do with it, so who may not read it can do this.
    """
    revision = stored_revision(api, service, service.version)
    place = {"namespace": args["namespace"]} if "namespace" in args else {}
    changes = {"overrides": ["token=", f"autoscaler={json.dumps(wanted)}"]}
    return read_stored(api, {**revision.options, **place, **changes}, revision, service).service
