"""
Finds the Pythons that are installed on this machine, where package managers and people put them.

A file called `python3.9` tells the version, so none is run for that.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from eas_host.deploy.python.interpreter import (
    OLDEST,
    Confine,
    IncompatibleInterpreter,
    InterpreterFacts,
    check,
    fits,
    probe,
)
from eas_host.errors import ConfigError

_NAME: Final = re.compile(r"python(3)\.(\d+)")
_VERSION: Final = re.compile(r"\d+(\.\d+){0,2}")
_HOST: Final = (sys.version_info[0], sys.version_info[1])

Release = tuple[int, int]
"""A version's first two numbers."""


def releases() -> dict[Release, list[str]]:
    """
    Find the installed Pythons that processors can run on.

    Returns:
        The paths of the Pythons of each release, oldest release first. Each path is the first that has it, in the order
        of PATH, pyenv, conda, uv and /opt; of the host's own release it is the host's own Python.
    """
    found: dict[Release, list[str]] = {_HOST: [sys.executable]}
    for folder in _folders():
        for path in _pythons_in(folder):
            name = _NAME.fullmatch(path.name)
            if name and (release := (int(name[1]), int(name[2]))) >= OLDEST:
                found.setdefault(release, []).append(str(path))
    return dict(sorted(found.items()))


def find(wanted: str, option: str = "--python", confine: Confine = list) -> tuple[str, InterpreterFacts]:
    """
    Find the Python that *wanted* names, a version or a path; `""` means the host's own. *option* asked for it. It must
    run as a command that *confine* has confined.

    Returns:
        Its path, and what it reports about itself.

    Raises:
        ConfigError: there is none, or no processor can run on it.
    """
    reasons: list[str] = []
    for path in _candidates(wanted, option):
        try:
            facts = probe(path, confine)
            check(facts)
        except IncompatibleInterpreter as error:  # version managers have files for Pythons that are not installed, too
            reasons.append(f"{path} {error}")
            continue
        if _VERSION.fullmatch(wanted) and not fits(facts.version, wanted):
            reasons.append(f"{path} is Python {facts.version}")
            continue
        return path, facts
    raise ConfigError(f"{option} {wanted}: {reasons[-1]}")


def _candidates(wanted: str, option: str) -> list[str]:
    """
    List where the Python that *wanted* names could be.
    """
    if wanted == "":
        return [sys.executable]
    if "/" in wanted:
        path = os.path.abspath(os.path.expanduser(wanted))  # noqa: PTH100, PTH111  without resolving links
        return [str(Path(path) / "bin" / "python") if os.path.isdir(path) else path]  # noqa: PTH112  the same
    if not _VERSION.fullmatch(wanted):
        raise ConfigError(f"{option} {wanted}: expected a version such as {_text(_HOST)}, or the path of a Python")
    known = releases()
    numbers = tuple(map(int, wanted.split(".")))
    fitting = [path for release, paths in known.items() if release[: len(numbers)] == numbers[:2] for path in paths]
    if not fitting:
        raise ConfigError(
            f"{option} {wanted}: no such Python on PATH, of pyenv, conda or uv, or in /opt; those here:"
            f" {', '.join(map(_text, known))}. Install it, or give its path with --python"
        )
    return fitting


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def _folders() -> Iterator[Path]:
    """
    The folders that may have Pythons.
    """
    home = Path.home()
    # pyenv's shims are for Pythons that may not be installed; those that are come below.
    yield from (Path(folder) for folder in os.get_exec_path() if Path(folder).name != "shims")
    yield from _newest_first(Path(os.environ.get("PYENV_ROOT", home / ".pyenv")).glob("versions/*/bin"))
    conda = shutil.which("conda")
    prefixes = [Path(conda).resolve().parents[1]] if conda else []
    prefixes += [folder / name for folder in (home, Path("/opt")) for name in ("miniconda3", "anaconda3", "conda")]
    for prefix in prefixes:
        yield prefix / "bin"
        yield from sorted(prefix.glob("envs/*/bin"))
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR") or os.path.join(  # noqa: PTH118  XDG's variable may be empty
        os.environ.get("XDG_DATA_HOME") or home / ".local" / "share", "uv", "python"
    )
    yield from _newest_first(Path(uv).glob("*/bin"))
    yield from sorted(Path("/opt").glob("*/bin"))


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    """
    Sort folders `.../VERSION/bin`.
    """
    return sorted(folders, key=lambda folder: [*map(int, re.findall(r"\d+", folder.parent.name))], reverse=True)


def _pythons_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.glob("python3.*") if os.access(path, os.X_OK))
    except OSError:
        return []
