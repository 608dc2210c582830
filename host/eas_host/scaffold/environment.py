"""
Makes the `ENV` of a Python processor: a venv that is empty except for a link to this host's allspark.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.deploy.python.interpreter import IncompatibleInterpreter, InterpreterFacts, probe
from eas_host.errors import ConfigError
from eas_host.python_env import shared_packages
from eas_host.python_env.import_hook import ABI

OLDEST_PYTHON: Final = (3, 7)
"""The first Python that can read the link."""
HOST_PYTHON: Final = platform.python_version().rpartition(".")[0]
"""The version of the Python that runs this host."""


@dataclass(frozen=True)
class ChosenPython:
    """
    The Python with which an `ENV` is made.
    """

    path: str
    facts: InterpreterFacts

    @property
    def can_load_host(self) -> bool:
        """
        Whether it has the same ABI as the host's own Python, so that it can load the host.
        """
        return self.facts.abi == ABI


def find_python(wanted: str) -> ChosenPython:
    """
    Find the Python that *wanted* names: a version or a path; `""` means the host's own.

    Raises:
        ConfigError: there is none, or it is too old.
    """
    path, facts = _first_that_runs(wanted, _candidates(wanted))
    if tuple(map(int, re.findall(r"\d+", facts.version)[:2])) < OLDEST_PYTHON:
        raise ConfigError(
            f"--python {wanted}: Python {facts.version} is too old to be linked to this host; take"
            f" {'.'.join(map(str, OLDEST_PYTHON))} or later, best {HOST_PYTHON}"
        )
    if wanted[:1].isdigit() and not f"{facts.version}.".startswith(f"{wanted}."):
        raise ConfigError(f"--python {wanted}: {path} is Python {facts.version}; give the path of another one")
    return ChosenPython(path, facts)


def make_environment(python: ChosenPython, env: Path, say: Callable[[str], None]) -> None:
    """
    Make the environment *env* with *python*. Hints for the user go to *say*. A failure leaves nothing behind.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        _make_venv(python, env, say)
        link_into(env)
    except BaseException:  # also Ctrl+C
        shutil.rmtree(env, ignore_errors=True)
        raise


def link_into(env: Path) -> InterpreterFacts:
    """
    Let the environment *env* import this host's allspark, whoever has made it.

    Raises:
        ConfigError: it is no environment, or cannot be written to.
    """
    python = str(env.absolute() / "bin" / "python")
    try:
        facts = probe(python)
        done = _run([python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        shared_packages.write(Path(done.stdout.strip()))
    except IncompatibleInterpreter as error:
        raise ConfigError(f"{env}: cannot be linked: {python} {error}") from error
    except OSError as error:
        raise ConfigError(f"{env}: cannot be linked: {error.filename}: {error.strerror}") from error
    return facts


def _first_that_runs(wanted: str, paths: list[str]) -> tuple[str, InterpreterFacts]:
    """
    Find the first of *paths* that runs. Version managers put shims on PATH, also for Pythons that are not installed.
    """
    reasons: list[str] = []
    for path in paths:
        try:
            return path, probe(path)
        except IncompatibleInterpreter as error:
            reasons.append(f"{path} {error}")
    raise ConfigError(f"--python {wanted}: {reasons[0]}")


def _candidates(wanted: str) -> list[str]:
    """
    List where the Python that *wanted* names could be.
    """
    if wanted in ("", HOST_PYTHON, platform.python_version()):
        return [sys.executable]
    if "/" in wanted:
        return [os.path.abspath(os.path.expanduser(wanted))]  # noqa: PTH100, PTH111  without resolving links
    if not re.fullmatch(r"\d+(\.\d+){0,2}", wanted):
        raise ConfigError(f"--python {wanted}: expected a version such as {HOST_PYTHON}, or the path of a Python")
    short = ".".join(wanted.split(".")[:2])
    found = [path for folder in os.get_exec_path() if (path := shutil.which(f"python{short}", path=folder))]
    if not found:
        raise ConfigError(
            f"--python {wanted}: there is no python{short} on PATH; install it, give its path, or take this host's own"
            f" version, {HOST_PYTHON}"
        )
    return found


def _make_venv(python: ChosenPython, env: Path, say: Callable[[str], None]) -> None:
    with_pip = _run([python.path, "-I", "-c", "import ensurepip"]).returncode == 0
    if not with_pip:
        name = f"python{'.'.join(python.facts.version.split('.')[:2])}-venv"
        say(
            f"ENV gets no pip: {python.path} has no ensurepip (on Debian and Ubuntu, install {name}); until then,"
            f" install with `{sys.executable} -m pip --python {env}/bin/python install ...`"
        )
    done = _run([python.path, "-I", "-m", "venv", *([] if with_pip else ["--without-pip"]), str(env)])
    if done.returncode != 0:
        raise ConfigError(f"{env}: {python.path} cannot make an environment here", done.stdout + done.stderr)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """
    Run *command*. If Ctrl+C interrupts the wait, all processes that the command has started are killed first.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # waits until the last of them has closed its output
        raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
