"""
Reads what a cluster is to run: a description, and the options that become those of the hosts in the pods.

Variables of this machine count for nothing, so whoever types a command gets the same; only a token may come from one,
since `ps` does not show it there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eas_host import log
from eas_host.cli.things.start_log import start_log
from eas_host.cli.things.thing import DESCRIPTION, find_thing, is_url
from eas_host.config import ResolvedConfig
from eas_host.config.declaration import LOGGING, SERVING, WORKERS
from eas_host.config.host import OPTIONS, flag, variable
from eas_host.config.option_parser import OptionParser
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.cluster.cluster_service import ClusterService
    from eas_host.description import Description

_OF_MACHINE: Final = frozenset(
    {"listen", "static", "python", "java_home", "isolation", "user", "sandbox", "reload", "reload_dir", "crash_dir"}
)
"""Options for serving that are about this machine, or that a pod decides itself."""
_OF_CLUSTER: Final = frozenset({"image", "gateway", "network_policy", "files_in_image"})
_OF_COMMAND: Final = frozenset({"file", "overrides", "namespace", "json", "context", "timeout", "changes", "unset"})
_SECRET: Final = frozenset({"token", "generate_token"})
_ONLY_OF_CLUSTER: Final = (
    "generate_token",
    "metadata.instance",
    "metadata.release",
    "autoscaler",
    "labels",
)
"""
Keys that the pods do not get, beside secrets: what may change without another version of the service. So may entries of
`storage[]` that the cluster mounts.
"""


def add_cluster_options(parser: OptionParser) -> None:
    """
    Add the options that say how a cluster is to run a service.
    """
    parser.serves = False
    parser.add_argument("--image", metavar="NAME", help="the image with eas-host (docs/deploy/container.md); required")
    parser.add_argument("--namespace", metavar="NAME", help="the namespace of the objects; default: kubectl's")
    parser.add_argument(
        "--gateway", metavar="NAME", help="the Gateway that passes requests on, also NAMESPACE/NAME; default: no route"
    )
    parser.add_argument("--network-policy", action="store_true", help="close the network around the pods")
    parser.add_argument(
        "--files-in-image",
        action="store_true",
        help="the image has the local files; relative paths begin in /processor",
    )


class ReadService(NamedTuple):
    """
    What a command names.

    Attributes:
        service: it, as a cluster is to run it.
        text: its description after `-D`, as its author wrote it, without secrets.
    """

    service: ClusterService
    text: str


def read_cluster_service(
    args: Mapping[str, Any], *, generates_token: bool = False, asks_environment: bool = True
) -> ReadService:
    """
    Read what the command names. *generates_token*: a token may be generated. *asks_environment*: one may come from
    EAS_HOST_TOKEN; not for a service that is there, whose token would change with the shell in which a command runs.

    Raises:
        HostError: an argument or the description is wrong, or the description names files of this machine.
    """
    options = _host_options(args)
    token = variable("token")
    environ = {token: os.environ[token]} if asks_environment and token in os.environ else {}
    start_log(resolve_options(args, environ).config)
    _check_names(args)
    file = _description_file(args)
    # Imported late, so that a wrong argument does not wait for pydantic.
    from eas_host.cluster.cluster_service import SECRET_KEYS, ClusterService, pod_description  # noqa: PLC0415
    from eas_host.cluster.cluster_settings import read_settings  # noqa: PLC0415
    from eas_host.cluster.local_files import check_reachable, named_files  # noqa: PLC0415
    from eas_host.cluster.names import ObjectNames, new_version_name  # noqa: PLC0415
    from eas_host.description import read  # noqa: PLC0415

    overrides = args.get("overrides", [])
    description = read(file, overrides, keeps_cloud_values=True)
    resolved = resolve_options(args, environ, described=description.options)
    settings, notes = read_settings(description)
    for note in (*description.notes, *notes):
        log.info("%s", note)
    if not generates_token:
        _check_token(resolved, description)
    files = named_files(description)
    if "files_in_image" not in args:
        check_reachable(files, description, [one.mount_path for one in settings.storage])
    without = [*overrides, *(f"{key}=" for key in SECRET_KEYS)]
    name, space = _service_name(resolved, description), args.get("namespace", "")
    names = ObjectNames(name, space, settings.labels)
    if settings.released:
        names = ObjectNames(new_version_name(name), space, settings.labels, released=name)
    service = ClusterService(
        names=names,
        image=args["image"],
        text=pod_description(read(file, [*without, *_left_out(description)], keeps_cloud_values=True).text),
        token=resolved.config.token,
        settings=settings,
        options=options,
        keepalive=resolved.config.keepalive,
        grace_period=resolved.config.grace_period,
        urls=tuple(one.text for one in files if is_url(one.text)),
        mount_paths=tuple(mount.mount_path for mount in description.storage if mount.source),
        installs=bool(description.requirements),
        gateway=args.get("gateway", ""),
        isolated="network_policy" in args,
        older_tokens=resolved.config.token_file.older if resolved.config.token_file else (),
    )
    return ReadService(service, read(file, without, keeps_cloud_values=True).text)


def kept_options(args: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return those of *args* that belong to the version of a service, as the next one has them unless it says otherwise.
    """
    return {name: value for name, value in args.items() if name not in _OF_COMMAND | _SECRET}


def _left_out(description: Description) -> Iterator[str]:
    """
    Yield the overrides that remove from *description* what the hosts in the pods need not know.
    """
    yield from (f"{key}=" for key in _ONLY_OF_CLUSTER)
    yield from (f"{mount.where}=" for mount in reversed(description.storage) if not mount.source)


def _description_file(args: Mapping[str, Any]) -> Path:
    thing = find_thing(args.get("file"), typed=True)
    if thing.kind != DESCRIPTION:
        raise ConfigError(
            f"{thing.place}: is no description; expected a service.json that says what the pods serve, with a name and"
            " the URL of a package"
        )
    if is_url(thing.place):
        raise ConfigError("TARGET: a description at a URL may have paths that start there; download it first")
    return Path(thing.place)


def _host_options(args: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Return the words for the hosts in the pods.

    Raises:
        ConfigError: an option has no place there.
    """
    words: list[str] = []
    for name, value in args.items():
        if name in _OF_CLUSTER | _OF_COMMAND | _SECRET:
            continue
        option = OPTIONS.get(name)
        fits = option is not None and option.group in (SERVING, WORKERS, LOGGING) and name not in _OF_MACHINE
        if option is None or not (fits or name == "name"):
            shown = f"-- {shlex.join(value)}" if name == "arguments" else flag(name)
            raise ConfigError(
                f"{shown}: has no place in a manifest: pods have only what the description and the image say; put it"
                " into the description, for this time by -D KEY=VALUE"
            )
        if value is True:
            words.append(flag(name))
        else:
            words += [f"{flag(name)}={one}" for one in (value if isinstance(value, list) else [value])]
    return tuple(words)


def _check_names(args: Mapping[str, Any]) -> None:
    """
    Check what names things of the cluster.
    """
    from eas_host.cluster.names import is_namespace  # noqa: PLC0415  see `read_cluster_service`

    image = args.get("image", "")
    if not image or not image.isprintable() or " " in image:
        fault = f"{image!r} is no name of an image" if image else "is missing"
        raise ConfigError(f"--image: {fault}; name one that has eas-host, such as registry.example.com/eas-host:1")
    parts = [("--namespace", args["namespace"])] if "namespace" in args else []
    parts += [("--gateway", part) for part in args.get("gateway", "").split("/")] if "gateway" in args else []
    for name, text in parts:
        if not is_namespace(text):
            raise ConfigError(f"{name}: {text!r} cannot be a name in Kubernetes; expected one such as main-1")
    if args.get("gateway", "").count("/") > 1:
        raise ConfigError(f"--gateway: {args['gateway']}: has several slashes; expected NAME or NAMESPACE/NAME")


def _check_token(resolved: ResolvedConfig, description: Description) -> None:
    """
    Refuse to generate a token: it would be another one each time, and each pod would make its own.
    """
    if resolved.config.generate_token:
        source = resolved.sources.get("generate_token") or description.origins.get("generate_token", "")
        raise ConfigError(
            f"{source}: generate_token: a manifest is the same each time, so none is generated; give one with --token"
            " @FILE"
        )


def _service_name(resolved: ResolvedConfig, description: Description) -> str:
    name = resolved.config.name or description.name
    if not name:
        raise ConfigError(f"{description.file.name}: it has no name; expected one, or --name NAME")
    return name
