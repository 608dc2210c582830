"""
What a peer is to serve, and the recipe of one: a server in a venv of its own, which may fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from servers.server import Server
from servers.tools import BENCH
from servers.venvs import install, venv_program

SOURCES: Final = BENCH / "peers"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_PATIENCE: Final = 90.0  # seconds: some start a cluster


class Demand(NamedTuple):
    """
    What a peer is to serve: so many *connections*, with calls that take so many microseconds of CPU time; or, if there
    is a *batch*, that wait for the device of the table of batches, with at most so many requests in a call.
    """

    connections: int
    work_us: int
    batch: int = 0

    @property
    def processes(self) -> int:
        """
        How many processes the load can use.
        """
        return min(self.connections, os.cpu_count() or 1)


class Package(NamedTuple):
    """
    What is installed for a peer: a *requirement* of pip, with its version, and others beside it.
    """

    requirement: str
    beside: Sequence[str] = ()

    @property
    def venv(self) -> str:
        """
        The name of its venv.
        """
        return self.requirement.partition("==")[0].partition("[")[0]

    def install(self) -> None:
        """
        Install it.

        Raises:
            BenchError: that is not possible.
        """
        install(self.venv, self.requirement, *self.beside)

    def program(self, name: str) -> str:
        """
        Return the path of one of its programs.
        """
        return venv_program(self.venv, name)


def peer(  # noqa: PLR0913  the parts of a recipe
    name: str,
    package: Package,
    settings: str,
    command: Sequence[str],
    demand: Demand,
    *,
    path: str = "/",
    environment: Mapping[str, str] = _NONE,
    headers: Mapping[str, str] = _NONE,
    files: Mapping[str, str] = _NONE,
    prepare: Callable[[], None] | None = None,
) -> Server:
    """
    Describe a server whose *command* is a program of *package* with its arguments.
    """
    return Server(
        name,
        f"{package.requirement}; {settings}",
        (package.program(command[0]), *command[1:]),
        {
            "BENCH_WORK_US": str(demand.work_us),
            "BENCH_DEVICE": "1" if demand.batch else "",
            "PYTHONPATH": str(SOURCES),
            **environment,
        },
        files=files,
        path=path,
        headers=headers,
        prepare=prepare or partial(package.install),
        optional=True,
        patience=_PATIENCE,
    )
