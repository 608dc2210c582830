"""
The commands `eas-host versions`, which lists the versions of a service, and `version`, which runs one of them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.cli.services.cluster_parser import connect, make_cluster_parser, print_json, read_timeout
from eas_host.cli.services.modify import read_stored, stored_revision
from eas_host.cli.services.rollout_end import finish_rollout
from eas_host.errors import ConfigError

_SHOW_EXAMPLES: Final = """\
example:
  eas-host versions scorer
"""
_SWITCH_EXAMPLES: Final = """\
example:
  eas-host version scorer 2
"""
_HEADING: Final = ("VERSION", "CREATETIME", "IMAGE", "CURRENT")


def show(argv: Sequence[str]) -> int:
    """
    Run the command `versions`.

    Raises:
        HostError: an argument is wrong, there is no such service, or the cluster cannot be asked.
    """
    parser = make_cluster_parser("versions", "List the versions of a service in a Kubernetes cluster.", _SHOW_EXAMPLES)
    args = vars(parser.parse_args(argv))
    api = connect(args)
    from eas_host.management.console import Console, list_table, local_time  # noqa: PLC0415  see `connect`
    from eas_host.management.revisions import read_revisions  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    service = get_service(api, args["name"])
    versions = [
        {
            "Version": one.number,
            "CreateTime": one.created,
            "Image": one.options["image"],
            "Current": one.number == service.version,
        }
        for one in read_revisions(api, service.name)
    ]
    if "json" in args:
        print_json(versions)
        return 0
    rows = [
        [str(one["Version"]), local_time(str(one["CreateTime"])), str(one["Image"]), "*" if one["Current"] else ""]
        for one in versions
    ]
    console = Console(as_json=False)
    console.request_id()
    console.lines(list_table(_HEADING, rows))
    return 0


def switch(argv: Sequence[str]) -> int:
    """
    Run the command `version`.

    Raises:
        HostError: an argument is wrong, there is no such version, or it does not come to run.
    """
    if not argv:
        raise ConfigError(
            "version: needs the NAME of a service in a cluster and the ID of a version; did you mean --version?"
        )
    about = "Run another version of a service in a Kubernetes cluster; the number of instances stays."
    parser = make_cluster_parser("version", about, _SWITCH_EXAMPLES, waits=True)
    parser.add_argument("version", metavar="ID", help="the version, as `eas-host versions` lists it")
    args = vars(parser.parse_args(argv))
    if not args["version"].isdecimal():
        raise ConfigError(f"ID: {args['version']!r}: expected the number of a version, as `eas-host versions` lists it")
    seconds = read_timeout(args)
    api = connect(args)
    from eas_host.management.console import Console  # noqa: PLC0415  see `connect`
    from eas_host.management.deployer import redeploy  # noqa: PLC0415
    from eas_host.management.stored_service import get_service  # noqa: PLC0415

    running = get_service(api, args["name"])
    revision = stored_revision(api, running, int(args["version"]))
    place = {"namespace": args["namespace"]} if "namespace" in args else {}
    read = read_stored(api, {**revision.options, **place}, revision, running)
    redeploy(api, read.service, revision.number, running)
    console = Console(as_json="json" in args)
    console.request_id()
    console.ok(f"Service [{running.name}] in region [{api.namespace}] is starting")
    return finish_rollout(api, running.name, console, seconds, as_json="json" in args)
