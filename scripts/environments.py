"""
Environments apart from the .venv of the tree, each with the package installed as a user has it: not in editable form.

They lie in folders under build/, which `make clean` removes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD_TOOLS: Final = ("setuptools>=77", "setuptools-scm>=8", "wheel", "cffi>=1.16")  # as in pyproject.toml
_SOURCES: Final = (
    *("host", "java", "native"),
    *("Containerfile", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"),
)
_PRODUCTS: Final = shutil.ignore_patterns(
    "build", "*.egg-info", "*.so", "*.jar", "__pycache__", "eas-cpp-worker", "eas-guardian", "eas-symbolizer"
)


def run(*command: str | Path, variables: Mapping[str, str] | None = None, stdout: IO[str] | None = None) -> int:
    """Runs *command* at the top of the tree; its output is shown, or goes to *stdout*. Returns its exit code."""
    environment = {**os.environ, **(variables or {})}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=stdout, check=False).returncode


def run_checked(
    *command: str | Path, variables: Mapping[str, str] | None = None, stdout: IO[str] | None = None
) -> None:
    """
    Runs *command* as `run` does; it must succeed.

    Raises:
        SystemExit: it failed. The command itself has printed why.
    """
    if code := run(*command, variables=variables, stdout=stdout):
        raise SystemExit(f"exit code {code}: {' '.join(map(str, command))}")


def copy_sources(target: Path) -> None:
    """Copies what a build needs, without what earlier builds left in the tree: setuptools would pack it."""
    target.mkdir(parents=True)
    for name in _SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=_PRODUCTS)
        else:
            shutil.copy2(source, target / name)


def make(folder: Path, python: str | Path, extras: str, variables: Mapping[str, str] | None = None) -> Path:
    """
    Makes a fresh environment with the package.

    Args:
        folder: gets `venv`, and the sources that the package is built from; anything that is already in it is removed.
        python: the interpreter.
        extras: those of pyproject.toml, and further ones, separated by commas.
        variables: added to the environment of the build.

    Returns:
        The folder with the programs.
    """
    shutil.rmtree(folder, ignore_errors=True)
    copy_sources(folder / "source")
    run_checked(python, "-m", "venv", folder / "venv")
    programs = folder / "venv" / "bin"
    pip = (programs / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check")
    # Used without isolation, as in the Makefile: the headers of the interpreter that will load what is built.
    run_checked(*pip, *BUILD_TOOLS)
    # Apart from its build: flags for the package are not meant for what others have written.
    run_checked(*pip, "--no-build-isolation", "--no-deps", folder / "source", variables=variables)
    run_checked(*pip, f"eas-host[{extras}]")
    return programs
