"""
What the commands on services in a cluster have in common: which cluster, in which form, for how long.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.command_parser import CommandParser
from eas_host.config import option_types
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.management.kubernetes_api import KubernetesApi

TIMEOUT: Final = "700"
"""Seconds: what a pod may take until it takes requests (`cluster.pod.STARTUP_SECONDS`), and a minute and more."""
_DESCRIPTION: Final = ".json"
CODES: Final = """\
Exit codes: 0 done, 1 the cluster refuses, cannot be asked, or the service does not come to run, 2 a wrong argument,
130 ended by Ctrl+C; what the cluster was asked for goes on.
"""


def make_cluster_parser(
    name: str, about: str, examples: str, *, named: bool = True, waits: bool = False
) -> CommandParser:
    """
    Make the parser of the command *name*. *named*: a service is its first argument. *waits*: it waits for a rollout.
    """
    parser = CommandParser(
        prog=f"eas-host {name}",
        description=about,
        epilog=f"{examples}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    if named:
        parser.add_argument("name", metavar="NAME", help="the service")
    add_connection_options(parser)
    parser.add_argument(
        "--namespace", metavar="NAME", help="the namespace of the service; default: that of the context"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object; progress goes to standard error")
    if waits:
        add_timeout(parser)
    return parser


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """
    Add the option that says which cluster is asked.
    """
    parser.add_argument(
        "--context", metavar="NAME", help="the context in KUBECONFIG or ~/.kube/config; default: the current one"
    )


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """
    Add the option that says how long a rollout is waited for.
    """
    parser.add_argument(
        "--timeout",
        metavar="S",
        help=f"wait for so many seconds at most, 0: not at all [{TIMEOUT}]; the cluster goes on after that",
    )


def read_timeout(args: Mapping[str, Any]) -> float:
    """
    Return how long a rollout is waited for, in seconds.

    Raises:
        ConfigError: it is no number of seconds.
    """
    text = args.get("timeout", TIMEOUT)
    try:
        return option_types.seconds(text)
    except ValueError as error:
        raise ConfigError(f"--timeout: {text!r}: {error}") from error


def connect(args: Mapping[str, Any]) -> KubernetesApi:
    """
    Connect to the cluster that *args* name.

    Raises:
        ClusterError: there is none, or the client is not installed.
    """
    name = args.get("name", "")
    if ("/" in name or name.endswith(_DESCRIPTION)) and exists(name):  # any other file may be called like a service
        raise ConfigError(
            f"{name}: is a file; expected the name of a service in a cluster, as `eas-host list` has them"
        )
    # Imported late: the client is an extra, and takes half a second.
    from eas_host.management.lightkube_client import open_cluster  # noqa: PLC0415

    return open_cluster(args.get("context", ""), args.get("namespace", ""))


def exists(word: str) -> bool:
    """
    Tell whether there is a file or folder of that name.
    """
    try:
        return Path(word).exists()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def print_json(thing: object) -> None:
    """
    Print what `--json` asks for.
    """
    print(json.dumps(thing, indent=2, ensure_ascii=False), flush=True)


def confirm(question: str) -> bool:
    """
    Ask a question as EASCMD does: an empty answer means yes, and the end of the input no.
    """
    try:
        answer = input(f"{question} [Y/n] ")
    except EOFError:
        print(flush=True)
        return False
    return answer.strip().lower() in ("", "y", "yes")
