"""
`eas-host desc NAME`: a service in a cluster. What a file describes is `cli/desc`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eas_host.cli.services.cluster_parser import connect, exists, make_cluster_parser, print_json

_MARKS: Final = "./:~"
"""Hardly a service has one of them in its name, and each path or URL of a description has one, or is there."""
_EXAMPLES: Final = """\
example:
  eas-host desc scorer --namespace models
"""


def names_service(argv: Sequence[str]) -> bool:
    """
    Tell whether the arguments of `desc` name a service: by a word that is no file, or by the options of a cluster.
    """
    if any(word.partition("=")[0] in ("--context", "--namespace") for word in argv):
        return True
    word = next((one for one in argv if one != "--json"), "")
    return bool(word) and not word.startswith("-") and not any(mark in word for mark in _MARKS) and not exists(word)


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, there is no such service, or the cluster cannot be asked.
    """
    args = vars(make_cluster_parser("desc", "Show a service in a Kubernetes cluster.", _EXAMPLES).parse_args(argv))
    return _show(args)


def _show(args: Mapping[str, Any]) -> int:
    api = connect(args)
    from eas_host.management.console import Console, key_table  # noqa: PLC0415  see `connect`
    from eas_host.management.report import describe, table_rows  # noqa: PLC0415
    from eas_host.management.revisions import read_revisions  # noqa: PLC0415
    from eas_host.management.rollout import look  # noqa: PLC0415

    state = look(api, args["name"])
    message = f"{state.cause.pod}: {state.cause.text}".removeprefix(": ") if state.cause else ""
    report = describe(api, state.service, read_revisions(api, state.service.name), message)
    if "json" in args:
        print_json(report)
    else:
        Console(as_json=False).lines(key_table(table_rows(report)))
    return 0
