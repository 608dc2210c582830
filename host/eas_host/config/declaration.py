"""
How an option of the host is declared: a field of a dataclass, with what the user must know of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import field
from typing import Any, Final, NamedTuple

PROCESSOR: Final = "processor"
MODEL: Final = "model"
SERVING: Final = "serving"
WORKERS: Final = "workers"
FILES: Final = "files"
LOGGING: Final = "logging"


class Option(NamedTuple):
    """
    How the user sets a field of `HostConfig`.

    Attributes:
        group: the group of `--help` that lists the option.
        metavar: what stands for the value in `--help`.
        help: its line in `--help`.
        read: converts the text of a flag or a variable to the value.
        choices: the texts that are allowed; empty: any that *read* accepts.
        repeated: whether the flag may be given several times; the value is a tuple.
        separator: stands between the values of a repeated option in its variable; if it is a comma, in its flag, too.
        secret: whether the value is kept out of messages and of the environment of child processes.
    """

    group: str
    metavar: str
    help: str
    read: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    repeated: bool = False
    separator: str = os.pathsep
    secret: bool = False


def option(default: Any, group: str, metavar: str, help_: str, **more: Any) -> Any:  # noqa: ANN401  as `field` itself
    """
    Declare one option: a dataclass field with its *default* and an `Option` built from the rest.
    """
    declared = Option(group, metavar, help_, **more)
    return field(default=default, repr=not declared.secret, metadata={"option": declared})
