"""
The command `eas-host modify`: another version of a service in a cluster.

Strategy: what is not named stays as the last version has it. So the command begins with the description and the options
that are stored in the cluster, puts the number of instances and the autoscaler there that the service has now, which
`scale` and `autoscale` may have changed, and then changes what its arguments name.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.services.cluster_parser import CODES, add_connection_options, add_timeout, connect, read_timeout
from eas_host.cli.services.cluster_service_reader import (
    ReadService,
    add_cluster_options,
    kept_options,
    read_cluster_service,
)
from eas_host.cli.services.rollout_end import finish_rollout
from eas_host.cli.target import TargetParser
from eas_host.config.host import flag
from eas_host.config.option_parser import SETTINGS, add_options, parse_args
from eas_host.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from eas_host.management.kubernetes_api import KubernetesApi
    from eas_host.management.revisions import Revision
    from eas_host.management.stored_service import StoredService

_ABOUT: Final = "Change a service in a Kubernetes cluster, and wait until the new version runs."
_EXAMPLES: Final = """\
examples:
  eas-host modify scorer -D metadata.instance=3
  eas-host modify scorer -s changes.json            only what is to change
  eas-host modify scorer --image registry.example.com/eas-host:2
  eas-host modify scorer --unset gateway            takes an option back
"""
_NOTES: Final = """\
What is not named stays as it is, also options such as --gateway. Instances of the old version serve until those of the
new one are ready; if these do not come to run, the command says why and ends with 1, and the old ones serve on. Another
number of instances alone replaces none. The token stays, too, unless `token`, --token or --generate-token is given;
EAS_HOST_TOKEN has no effect. `-s`: an object in the file replaces the one in the description, but in metadata, runtime
and autoscaler, where single keys do; null removes a key. `--unset` takes back an option that was given before, such as
gateway, network-policy, worker-processes or token.
"""
_TOKEN_OPTIONS: Final = frozenset({"token", "generate_token"})
"""Options with which a service gets another token."""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument or the changed description is wrong, or the new version does not come to run.
    """
    args = parse_args(_parser(), argv)
    seconds = read_timeout(args)
    name = args["file"]
    changes = _changes(args, name)
    if not changes and not kept_options(args) and not {*_TOKEN_OPTIONS, "unset"} & args.keys():
        raise ConfigError("nothing is to change; name it with -D KEY=VALUE, -s FILE, or an option such as --image")
    api = connect(args)
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.deployer import deploy  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    running = get_service(api, name)
    revision = stored_revision(api, running, running.version)
    changed = _taken_back({**revision.options, **args, "overrides": changes}, revision, args)
    read = read_stored(api, changed, revision, running)
    if read.service.names.service != running.name:
        raise ConfigError(
            f"{read.service.names.service}: is another name, and a service keeps its own, {running.name}; `eas-host"
            " create` makes another service"
        )
    deploy(api, read.service, read.text, kept_options(changed), running=running)
    console = Console(as_json="json" in args)
    console.request_id()
    console.ok("Service is now deploying")
    console.ok("Successfully synchronized resources")
    settings = read.service.settings
    if settings.autoscaling is not None and settings.replicas != running.instances:
        console.warn(
            f"metadata.instance={settings.replicas} has no effect: the autoscaler chooses the number of instances"
        )
    return finish_rollout(api, name, console, seconds, as_json="json" in args)


def stored_revision(api: KubernetesApi, service: StoredService, number: int) -> Revision:
    """
    Return a version of a service.

    Raises:
        ClusterError: the cluster does not have it.
    """
    from eas_host.management.revisions import read_revisions  # noqa: PLC0415  see `cluster_parser.connect`

    revisions = {one.number: one for one in read_revisions(api, service.name)}
    if number in revisions:
        return revisions[number]
    if not service.version:
        raise ClusterError(
            f"{service.name}: was not made by `eas-host create`, so its description is not in the cluster; change it as"
            " it was made, such as with `eas-host manifest` and `kubectl apply`"
        )
    kept = ", ".join(map(str, revisions)) or "none"
    raise ClusterError(f"{service.name}: its version {number} is not in the cluster; there are {kept}")


def read_stored(api: KubernetesApi, args: Mapping[str, Any], revision: Revision, running: StoredService) -> ReadService:
    """
    Read a version of a service again, changed by *args*. Its token stays the one in the cluster, also with a
    `generate_token` in the description, unless *args* name a token or have one generated. Its instances and its
    autoscaler are those that are *running*, whatever the version says.

    Raises:
        ClusterError: its token cannot be read.
        HostError: what *args* change is wrong.
    """
    from eas_host.management.autoscaler import find_autoscaler  # noqa: PLC0415  see `cluster_parser.connect`
    from eas_host.management.token_secret import kept_token  # noqa: PLC0415

    scaler = find_autoscaler(api, running.base)
    scaling = json.dumps(scaler.description) if scaler is not None else ""
    kept = [f"metadata.instance={running.instances}", f"autoscaler={scaling}"]
    overrides = [*kept, *args.get("overrides", [])]
    named = {one.partition("=")[0].strip() for one in overrides}
    keeps = "token" not in named and not _TOKEN_OPTIONS & args.keys()
    if keeps and (token := kept_token(api, running, revision)):
        overrides.append(f"token={json.dumps(token)}")
    with tempfile.TemporaryDirectory(prefix="eas-host-") as folder:
        file = Path(folder) / "service.json"
        file.write_text(revision.text, encoding="utf-8")
        changed = {**args, "file": str(file), "overrides": overrides}
        read = read_cluster_service(changed, generates_token=True, asks_environment=False)
        return read._replace(service=replace(read.service, keeps_tokens=keeps))


def _taken_back(changed: dict[str, Any], revision: Revision, args: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the arguments *changed* without the options that `--unset` names; without a token if it names that.

    Raises:
        ConfigError: the service has no such option, or needs it, or *args* set it, too.
    """
    kept = dict(changed)
    for word in args.get("unset", []):
        name = word.strip().lstrip("-").replace("-", "_")
        if name in args or (name == "token" and "generate_token" in args):
            raise ConfigError(f"--unset {word}: the same command sets it; expected one of them")
        if name == "token":
            kept["overrides"] = [*kept["overrides"], "token=", "generate_token="]
        elif name == "image":
            raise ConfigError("--unset image: a service needs one; name another with --image")
        elif name in revision.options:
            kept.pop(name, None)
        else:
            there = ", ".join(flag(one) for one in sorted(revision.options))
            raise ConfigError(f"--unset {word}: the service has no such option; it has {there}")
    return kept


def _changes(args: Mapping[str, Any], name: str) -> list[str]:
    """
    Return what `-s` and `-D` change, as overrides; `-D` wins.
    """
    if "changes" not in args:
        return list(args.get("overrides", []))
    from eas_host.description.changes import read_changes, to_overrides  # noqa: PLC0415  only needed for -s

    changes = read_changes(Path(args["changes"]))
    for key in ("name", "metadata.name"):
        if changes.get(key, name) != name:
            raise ConfigError(f"{args['changes']}: {key} is {changes[key]!r}; expected {name}, whose changes it has")
        changes.pop(key, None)
    return [*to_overrides(changes), *args.get("overrides", [])]


def _parser() -> TargetParser:
    parser = TargetParser(prog="eas-host modify", description=_ABOUT, **SETTINGS)
    parser.examples, parser.notes, parser.codes = _EXAMPLES, _NOTES, CODES
    parser.surplus = "one service is changed at a time"
    add_options(parser)
    parser.usage = "%(prog)s NAME [options]"
    parser.add_argument("file", metavar="NAME", help="the service")
    parser.add_argument("-D", dest="overrides", action="append", metavar="KEY=VALUE", help="change a key")
    parser.add_argument("-s", dest="changes", metavar="FILE", help="change the keys that are in this JSON file")
    parser.add_argument("--unset", action="append", metavar="OPTION", help="take back an option, such as gateway")
    add_cluster_options(parser)
    add_connection_options(parser)
    add_timeout(parser)
    parser.add_argument("--json", action="store_true", help="print what `desc` tells as one JSON object in the end")
    return parser
