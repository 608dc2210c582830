"""
The command `eas-host manifest`: the objects with which a service runs on Kubernetes.

Strategy: the description alone says what is made, and options beside it become those of the hosts in the pods.
Variables of this machine count for nothing, so whoever types a command gets the same text; only a token may come from
one, since `ps` does not show it there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from eas_host import log
from eas_host.cli.services.cluster_service_reader import add_cluster_options, read_cluster_service
from eas_host.cli.target import make_target_parser
from eas_host.config.option_parser import parse_args
from eas_host.errors import ConfigError

_ABOUT: Final = "Print the objects with which a service.json runs on Kubernetes; ask no cluster."
_EXAMPLES: Final = """\
examples:
  eas-host manifest service.json --image registry.example.com/eas-host:1 | kubectl apply -f -
  eas-host manifest service.json --image eas-host:1 --gateway ingress/main --token @token.txt -D metadata.instance=3
"""
_NOTES: Final = """\
Options of the host, such as --worker-processes, become those of the hosts in the pods; those that are about this
machine have no place here. Variables EAS_HOST_... have no effect, but for EAS_HOST_TOKEN. What only EAS's own cloud has
is named on standard error. Nothing is fetched, and no cluster is asked.
"""
_CODES: Final = """\
Exit codes: 0 printed, 1 the description names files of this machine, 2 a wrong option or description.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument or the description is wrong, or the description names files of this machine.
    """
    parser = make_target_parser("manifest", _ABOUT, _EXAMPLES, _NOTES, _CODES)
    add_cluster_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, a List, instead of YAML")
    args = parse_args(parser, argv)
    service = read_cluster_service(args).service
    if service.names.released:
        raise ConfigError(
            "metadata.release: a new version beside another one is made in a cluster, by `eas-host create`; -D"
            " metadata.release= leaves the key out"
        )
    # Imported late, so that a wrong argument does not wait for pydantic.
    from eas_host.cluster.manifest import make_objects  # noqa: PLC0415
    from eas_host.cluster.yaml_writer import write_documents  # noqa: PLC0415  as above

    objects = make_objects(service)
    if "json" in args:
        whole = {"apiVersion": "v1", "kind": "List", "items": objects}
        print(json.dumps(whole, indent=2, ensure_ascii=True))
    else:
        print(write_documents(objects), end="")
    if not service.gateway:
        log.info("there is no HTTPRoute; name the Gateway of the cluster with --gateway")
    if service.token is None:
        log.warning("there is no token, so whoever reaches the pods is served; give one with --token @FILE")
    return 0
