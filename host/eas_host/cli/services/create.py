"""
The command `eas-host create`: a new service in a cluster, from its description.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host import log
from eas_host.cli.release.new_version import join
from eas_host.cli.services.cluster_parser import CODES, add_connection_options, add_timeout, connect, read_timeout
from eas_host.cli.services.cluster_service_reader import add_cluster_options, kept_options, read_cluster_service
from eas_host.cli.services.rollout_end import finish_rollout
from eas_host.cli.target import make_target_parser
from eas_host.config.option_parser import parse_args
from eas_host.errors import ClusterError

_ABOUT: Final = "Create a service in a Kubernetes cluster from its service.json, and wait until it runs."
_EXAMPLES: Final = """\
examples:
  eas-host create service.json --image registry.example.com/eas-host:1 --token @token.txt
  eas-host create service.json --image eas-host:1 --gateway ingress/main -D metadata.instance=3
"""
_NOTES: Final = """\
The objects are those of `eas-host manifest`, with the same options. The cluster is found as kubectl finds it. If the
service does not come to run, the command says why and ends with 1; it stays as it is, for `modify` or `delete`.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument or the description is wrong, or the service does not come to run.
    """
    parser = make_target_parser("create", _ABOUT, _EXAMPLES, _NOTES, CODES)
    add_cluster_options(parser)
    add_connection_options(parser)
    add_timeout(parser)
    parser.add_argument("--json", action="store_true", help="print what `desc` tells as one JSON object in the end")
    args = parse_args(parser, argv)
    seconds = read_timeout(args)
    service, text = read_cluster_service(args, generates_token=True)
    name = service.names.service
    api = connect(args)
    from eas_host.management.console import Console, key_table  # noqa: PLC0415  see `connect`
    from eas_host.management.deployer import deploy  # noqa: PLC0415
    from eas_host.management.report import endpoint  # noqa: PLC0415
    from eas_host.management.stored_service import find_service, get_service  # noqa: PLC0415

    if service.names.released:
        service = join(api, service, args)
        args = {**args, "gateway": service.gateway}
    if find_service(api, name) is not None:
        raise ClusterError(
            f"{name}: there is such a service in the namespace {api.namespace} already; change it with"
            f" `eas-host modify {name} -s FILE`"
        )
    if service.token is None:
        log.warning("there is no token, so whoever reaches the pods is served; give one with --token @FILE")
    deploy(api, service, text, kept_options(args))
    console = Console(as_json="json" in args)
    console.request_id()
    rows = [("Intranet Endpoint", endpoint(get_service(api, name), api.namespace)), ("Token", service.token or "")]
    console.lines(key_table(rows))
    console.ok("Service is now deploying")
    console.ok("Successfully synchronized resources")
    if old := service.names.released:
        console.ok(f"It gets none of the requests to {old} until `eas-host release {name} --weight W`")
    return finish_rollout(api, name, console, seconds, as_json="json" in args)
