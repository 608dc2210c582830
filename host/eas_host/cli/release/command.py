"""
The command `eas-host release`: how many of the requests the new version of a service gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.command_parser import CommandParser
from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json, read_timeout
from eas_host.config import option_types
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.management.console import Console
    from eas_host.management.kubernetes_api import KubernetesApi
    from eas_host.management.release.service_pair import ServicePair
    from eas_host.management.stored_service import StoredService

_ABOUT: Final = "Say how many of the requests to a service its new version gets, which stands beside it (blue-green)."
_EXAMPLES: Final = """\
examples:
  eas-host create service.json --image NAME -D metadata.release=true    makes scorer_green, beside scorer
  eas-host release scorer_green --weight 10                             10 of 100 requests; the others are scorer's
  eas-host release scorer_green --steps 10,50,100 --watch               in steps; goes back if it is worse
  eas-host release scorer_green --traffic standalone                    no part in the route; only its own address

Each step of --steps is watched for 60 s, or as long as --watch says, and until the new version has had 100 requests. It
goes back to the weight before the first step if more of its requests fail than of the old version's, or if they take
longer; docs/cluster.md says by how much. After Ctrl+C the weights stay as they are.
"""
_WATCH_SECONDS: Final = "60"


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no new version, or it is worse than the old one.
    """
    parser = make_cluster_parser("release", _ABOUT, _EXAMPLES)
    _add_options(parser)
    args = vars(parser.parse_args(argv))
    weights, seconds, patience = _read_weights(args), _read_watch(args), read_timeout(args)
    api = connect(args)
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.release.service_pair import get_pair  # noqa: PLC0415
    from eas_host.management.release.steps import ReleasePlan, StepwiseRelease  # noqa: PLC0415

    pair = get_pair(api, args["name"])
    if args["name"] != pair.new.name:
        raise ConfigError(
            f"{args['name']}: is the old version; name the new one, {pair.new.name}, which gets the weight"
        )
    console = Console(as_json="json" in args)
    console.request_id()
    if seconds is None:
        _release(api, pair, weights[0] if weights else None, args, console)
    else:
        tokens = _token(api, pair.old), _token(api, pair.new)
        StepwiseRelease(api, pair, tokens, ReleasePlan(weights, seconds, patience), console).run()
        console.ok(f"Service [{pair.new.name}] gets {weights[-1]} % of the requests to [{pair.old.name}]")
    if "json" in args:
        pair = get_pair(api, pair.new.name)
        print_json({"ServiceName": pair.new.name, "Region": api.namespace, "Weight": pair.weight, **pair.describe()})
    return 0


def _add_options(parser: CommandParser) -> None:
    parser.add_argument("--weight", metavar="W", help="the percentage of the requests that NAME gets, 0 to 100")
    parser.add_argument(
        "--traffic",
        choices=("grouping", "standalone"),
        help="whether NAME takes part in the route; grouping alone gives it the weight that it had before",
    )
    parser.add_argument("--steps", metavar="W,W,...", help="the weights of several steps, each of which is watched")
    parser.add_argument(
        "--watch",
        metavar="S",
        nargs="?",
        const=_WATCH_SECONDS,
        help=f"compare NAME with the old version for so many seconds, in each step [{_WATCH_SECONDS}]",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        help="how much longer a step may last while NAME has had too few requests to be judged [700]",
    )


def _read_weights(args: Mapping[str, Any]) -> list[int]:
    """
    Return the weights that are asked for, one for each step.
    """
    if "steps" in args and ("weight" in args or "traffic" in args):
        raise ConfigError("--steps: says all of --weight and --traffic; leave those out")
    if "steps" in args and "watch" not in args:
        raise ConfigError("--steps: needs --watch: a step lasts until the new version is known to be no worse")
    if "watch" in args and not {"steps", "weight"} & args.keys():
        raise ConfigError("--watch: watches a step; name its weight with --weight W, or several with --steps W,W,...")
    if "watch" in args and "traffic" in args:
        raise ConfigError("--watch: a version that is watched takes part in the route; leave --traffic out")
    if not {"steps", "weight", "traffic"} & args.keys():
        raise ConfigError("nothing is to change; name it with --weight W, --traffic STATE or --steps W,W,... --watch")
    name = "steps" if "steps" in args else "weight"
    texts = args[name].split(",") if name in args else []
    weights = [_read_weight(f"--{name}", text.strip()) for text in texts]
    if name == "weight" and len(weights) > 1:
        raise ConfigError(f"--weight: {args['weight']!r} has several; use --steps {args['weight']} --watch")
    return weights


def _read_weight(option: str, text: str) -> int:
    try:
        return option_types.int_range(0, 100)(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {text!r}: {error}; it is a percentage of the requests") from error


def _read_watch(args: Mapping[str, Any]) -> float | None:
    """
    Return how long each step is watched, in seconds; None: not at all.
    """
    if "watch" not in args:
        return None
    try:
        seconds = option_types.seconds(args["watch"])
    except ValueError as error:
        raise ConfigError(f"--watch: {args['watch']!r}: {error}") from error
    if not seconds:
        raise ConfigError("--watch: 0: in no time nothing can be seen; leave --watch out to set one weight")
    return seconds


def _release(
    api: KubernetesApi, pair: ServicePair, weight: int | None, args: Mapping[str, Any], console: Console
) -> None:
    """
    Set the share of the new version, and no more.
    """
    from eas_host.management.release.service_pair import (  # noqa: PLC0415  see `cluster_parser.connect`
        GROUPING,
        check_ready,
        set_share,
    )
    from eas_host.management.release.steps import release_message  # noqa: PLC0415

    traffic = args.get("traffic", GROUPING)
    if weight is None:
        weight = pair.weight if pair.traffic == GROUPING else pair.last_weight
    if traffic == GROUPING:  # otherwise it is asked for that nobody may answer, as before both are deleted
        check_ready(pair, weight)
    set_share(api, pair, weight, traffic)
    console.ok(release_message(api, pair, weight))


def _token(api: KubernetesApi, service: StoredService) -> str:
    """
    Return the token with which the instances of *service* tell their metrics; empty for none.
    """
    from eas_host.management.token_secret import stored_tokens  # noqa: PLC0415  see `cluster_parser.connect`

    return stored_tokens(api, service).token if service.secret else ""
