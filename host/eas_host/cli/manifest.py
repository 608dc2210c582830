"""
The command `eas-host manifest`: the objects with which a service runs on Kubernetes.

Strategy: the description alone says what is made, and options beside it become those of the hosts in the pods.
Variables of this machine count for nothing, so whoever types a command gets the same text; only a token may come from
one, since `ps` does not show it there.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eas_host import log
from eas_host.cli.target import make_target_parser
from eas_host.cli.things.start_log import start_log
from eas_host.cli.things.thing import DESCRIPTION, find_thing, is_url
from eas_host.config import ResolvedConfig
from eas_host.config.declaration import LOGGING, SERVING, WORKERS
from eas_host.config.host import OPTIONS, flag, variable
from eas_host.config.option_parser import parse_args
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.cluster.cluster_service import ClusterService
    from eas_host.description import Description

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
_OF_MACHINE: Final = frozenset(
    {"listen", "static", "python", "java_home", "isolation", "user", "sandbox", "reload", "reload_dir", "crash_dir"}
)
"""Options for serving that are about this machine, or that a pod decides itself."""
_OWN: Final = ("file", "overrides", "image", "namespace", "gateway", "network_policy", "files_in_image", "json")
_ONLY_OF_CLUSTER: Final = ("token", "generate_token", "metadata.instance", "autoscaler", "labels")
"""
Keys that the pods do not get: the token, which is a secret, and what may change without another version of the service.
So may entries of `storage[]` that the cluster mounts.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument or the description is wrong, or the description names files of this machine.
    """
    parser = make_target_parser("manifest", _ABOUT, _EXAMPLES, _NOTES, _CODES)
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
    parser.add_argument("--json", action="store_true", help="print one JSON object, a List, instead of YAML")
    args = parse_args(parser, argv)
    service = _make_service(args)
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


def _make_service(args: Mapping[str, Any]) -> ClusterService:
    """
    Read what the command names.
    """
    options = _host_options(args)
    environ = {name: value for name, value in os.environ.items() if name == variable("token")}
    start_log(resolve_options(args, environ).config)
    _check_names(args)
    file = _description_file(args)
    from eas_host.cluster.cluster_service import ClusterService, pod_description  # noqa: PLC0415  see `run`
    from eas_host.cluster.cluster_settings import read_settings  # noqa: PLC0415
    from eas_host.cluster.local_files import check_reachable, named_files  # noqa: PLC0415
    from eas_host.cluster.names import ObjectNames  # noqa: PLC0415
    from eas_host.description import read  # noqa: PLC0415

    overrides = args.get("overrides", [])
    description = read(file, overrides, keeps_cloud_values=True)
    resolved = resolve_options(args, environ, described=description.options)
    settings, notes = read_settings(description)
    for note in (*description.notes, *notes):
        log.info("%s", note)
    _check_token(resolved, description)
    files = named_files(description)
    if "files_in_image" not in args:
        check_reachable(files, description, [one.mount_path for one in settings.storage])
    return ClusterService(
        names=ObjectNames(_service_name(resolved, description), args.get("namespace", ""), settings.labels),
        image=args["image"],
        text=pod_description(read(file, [*overrides, *_left_out(description)], keeps_cloud_values=True).text),
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
    )


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
        if name in _OWN or name in ("token", "generate_token"):
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
    from eas_host.cluster.names import is_namespace  # noqa: PLC0415  see `run`

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
