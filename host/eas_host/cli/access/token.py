"""
The command `eas-host token`: the token of a service in a cluster, and another one while it runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json, read_timeout
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.cli.command_parser import CommandParser
    from eas_host.management.kubernetes_api import KubernetesApi
    from eas_host.management.stored_service import StoredService

_ABOUT: Final = "Print the token of a service in a Kubernetes cluster, or give it another one without a restart."
_EXAMPLES: Final = """\
examples:
  eas-host token scorer
  eas-host token scorer --rotate                    the old one is accepted for ten minutes more
  token=$(eas-host token scorer --rotate --grace 1h)
  eas-host token scorer --rotate --grace 0          it has leaked: the old one ends now

Standard output has the token alone; what happens is said on standard error. With --rotate the command ends when all
instances accept the new token, which takes a minute or two: Kubernetes hands it on to them.
"""
_TIMEOUT: Final = "180"
"""Seconds: a kubelet looks at its Secrets once a minute, with some delay."""
_GRACE: Final = "10m"
"""`management.token_secret.GRACE_SECONDS`."""
_DURATION: Final = re.compile(r"(\d{1,9})([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, the service has no token, or its instances do not learn of the new one.
    """
    args = vars(_parser().parse_args(argv))
    if "rotate" not in args and (unused := [f"--{name}" for name in ("grace", "timeout") if name in args]):
        raise ConfigError(f"{unused[0]}: is about --rotate, which is missing")
    grace = _read_duration("--grace", args.get("grace", _GRACE))
    seconds = read_timeout({"timeout": _TIMEOUT, **args})
    api = connect(args)
    from eas_host.management.stored_service import get_service  # noqa: PLC0415  see `connect`
    from eas_host.management.token_secret import stored_tokens  # noqa: PLC0415

    service = get_service(api, args["name"])
    if "rotate" in args:
        return _rotate(api, service, grace, seconds, args)
    _print(api, service, stored_tokens(api, service).token, args)
    return 0


def _rotate(api: KubernetesApi, service: StoredService, grace: float, seconds: float, args: Mapping[str, Any]) -> int:
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.release.service_pair import find_other  # noqa: PLC0415
    from eas_host.management.token_secret import rotate, running_instances, wait_until_known  # noqa: PLC0415

    instances = running_instances(api, service)
    token = rotate(api, service, grace)
    _print(api, service, token, args)  # at once, whatever becomes of the wait
    console = Console(as_json=True)
    console.request_id()
    until = f"is accepted for {grace:g} s more" if grace else "ends with it"
    console.ok(f"Service [{service.name}] in region [{api.namespace}] has another token; the old one {until}")
    if other := find_other(api, service):
        console.warn(
            f"{other.name}, which has the same clients, does not know it; before they use it, `eas-host modify"
            f" {other.name} --token @FILE` has to give it to that one, too"
        )
    try:
        if seconds:
            wait_until_known(api, service, token, instances, console, seconds)
            console.ok("All instances accept the new token")
    except KeyboardInterrupt:
        console.say(f"The instances learn of it without this command; `eas-host token {service.name}` shows the token")
        raise
    return 0


def _print(api: KubernetesApi, service: StoredService, token: str, args: Mapping[str, Any]) -> None:
    if "json" in args:
        print_json({"ServiceName": service.name, "Region": api.namespace, "AccessToken": token})
    else:
        print(token, flush=True)


def _read_duration(name: str, text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{name}: {text!r}: expected a time such as 10m, 90s, 1h or 0")
    return float(int(match[1]) * _SECONDS[match[2]])


def _parser() -> CommandParser:
    parser = make_cluster_parser("token", _ABOUT, _EXAMPLES)
    parser.add_argument("--rotate", action="store_true", help="make another token, which counts from now on")
    parser.add_argument(
        "--grace", metavar="TIME", help=f"how long the old one is accepted beside it, such as 90s or 1h [{_GRACE}]"
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        help=f"wait for so many seconds at most until all instances know it, 0: not at all [{_TIMEOUT}]",
    )
    return parser
