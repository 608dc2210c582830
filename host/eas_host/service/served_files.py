"""
Which of the files that have changed are what is served, so that another version is loaded.

A package's folder holds more than its processor: notes, sources, what a compiler makes on the way, and what the program
itself writes. So of a package count

- in Python the modules that the program has imported or looked for, and what it has read and not written, which its
  workers tell (`eas_runtime.python.used_files`);
- in C++ the libraries that its workers have mapped, as the system tells, and Python files if it runs these;
- in Java the jars and classes, by their names.

A model, the description and a processor that is named as a file count as they are, but for what the program has
written. If it cannot be told what a processor uses, all of its code counts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries import python_embedding
from eas_host.deploy.deployment import INSTALLED, LIBRARIES, PYTHON_FILES, Deployment
from eas_host.deploy.workspace.staging import is_code
from eas_host.dispatch.backend import Backend
from eas_host.service.service_version import ServiceVersion
from eas_runtime.messages import ListFiles
from eas_runtime.worker_spec import WorkerSpec

_ANSWER_SECONDS: Final = 1.0
"""How long to wait for workers, which may be busy."""
_MARKERS: Final = (INSTALLED, LIBRARIES, PYTHON_FILES)


class _Usage(NamedTuple):
    """
    The files that a processor uses, with links resolved; None if these are not known. *written* are not served.
    *python* says that Python files are, too.
    """

    served: frozenset[str] | None
    written: frozenset[str] = frozenset()
    python: bool = False

    def has(self, name: str) -> bool:
        """
        Tell whether the file *name* is served.
        """
        if self.served is None:
            return is_code(name)
        return os.path.realpath(name) in self.served or (self.python and name.endswith(".py"))


class ServedFiles:
    """
    Selects changed files, for one version after the other.
    """

    def __init__(self) -> None:
        self._others: set[str] = set()

    def forget(self) -> None:
        """
        Begin anew, for another version.
        """
        self._others.clear()

    async def among(self, changed: Iterable[str], version: ServiceVersion) -> list[str]:
        """
        Return those of the *changed* files that *version* serves.
        """
        # A module may be imported at any time, but a file that is no code and was not served yet is not asked about
        # again: a program may write one for ever.
        names = [name for name in changed if is_code(name) or name not in self._others]
        if not names:
            return []
        deployment = version.deployment
        specs = [processor.spec for processor in deployment.processors]
        usages = await asyncio.gather(*map(_usage, version.backends, specs))
        served = [name for name in names if _is_served(name, deployment, usages)]
        self._others.update(set(names).difference(served))
        return served

    def is_other(self, name: str) -> bool:
        """
        Tell whether the file *name* is known not to be served.
        """
        return name in self._others


def _is_served(name: str, deployment: Deployment, usages: list[_Usage]) -> bool:
    packages = {path for path, _ in deployment.packages}
    if any(_covers(path, name) for path in deployment.watched if path not in packages):
        return not any(os.path.realpath(name) in usage.written for usage in usages)
    return any(_covers(path, name) and usages[number].has(name) for path, number in deployment.packages)


def _covers(path: Path, name: str) -> bool:
    """
    Tell whether the file *name* is watched because *path* is.
    """
    folder = str(path.parent if path.name in _MARKERS else path)
    return name == folder or name.startswith(f"{folder}/")


async def _usage(backend: Backend, spec: WorkerSpec) -> _Usage:
    if spec.type == "python":
        return await _usage_of_program(backend)
    if spec.type == "cpp":
        entry = Path(spec.entry)
        python = python_embedding.find_starter(entry) is not None or python_embedding.find_libpython(entry) != ""
        return _Usage(_mapped_files(backend, spec), python=python)
    return _Usage(None)


async def _usage_of_program(backend: Backend) -> _Usage:
    """
    Ask all workers. One that does not answer in time is taken to use what the others do.
    """
    lists = backend.file_lists
    while not lists.empty():
        lists.get_nowait()  # of an earlier question
    backend.workers.send(ListFiles())
    served: set[str] = set()
    written: set[str] = set()
    try:
        for _ in backend.workers.pids:
            answer = await asyncio.wait_for(lists.get(), _ANSWER_SECONDS)
            served.update(_resolved(answer.read))
            written.update(_resolved(answer.written))
    except asyncio.TimeoutError:
        pass  # it is busy, or about to be replaced
    return _Usage(frozenset(served) or None, frozenset(written))


def _resolved(paths: tuple[str, ...]) -> set[str]:
    return {os.path.realpath(path) for path in paths if isinstance(path, str) and "\0" not in path}


def _mapped_files(backend: Backend, spec: WorkerSpec) -> frozenset[str] | None:
    """
    Return the originals of the files that the workers of *backend* have mapped; None if the system does not tell.
    """
    found = {os.path.realpath(spec.original(spec.entry))}
    try:
        for pid in backend.workers.pids.values():
            with Path(f"/proc/{pid}/maps").open(encoding="utf-8", errors="surrogateescape") as lines:
                # A file that has been replaced is still mapped, as "PATH (deleted)".
                paths = {
                    line[line.index("/") :].rstrip("\n").removesuffix(" (deleted)") for line in lines if "/" in line
                }
            found.update(os.path.realpath(spec.original(path)) for path in paths)
    except OSError:  # it has ended, or runs as another user
        return None
    return frozenset(found)
