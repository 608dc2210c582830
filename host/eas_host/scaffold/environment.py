"""
Makes the `ENV` of a Python processor: a venv that is empty except for a link to this host's allspark.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eas_host.deploy.python.interpreter import IncompatibleInterpreter, InterpreterFacts, check, probe
from eas_host.errors import ConfigError
from eas_host.python_env import link

_PIP_OF_WHEELS: Final = (20, 3)
"""The first pip that knows today's wheels, of the platform `manylinux_2_17` and so on (PEP 600)."""


def make_environment(python: str, version: str, env: Path, say: Callable[[str], None]) -> None:
    """
    Make the environment *env* with *python*, a path, of that *version*. Hints for the user go to *say*. A failure
    leaves nothing behind.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        _make_venv(python, version, env, say)
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
        check(facts)
        done = _run([python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        link.write(Path(done.stdout.strip()))
    except IncompatibleInterpreter as error:
        raise ConfigError(f"{env}: cannot be linked: {python} {error}") from error
    except OSError as error:
        raise ConfigError(f"{env}: cannot be linked: {error.filename}: {error.strerror}") from error
    return facts


def _make_venv(python: str, version: str, env: Path, say: Callable[[str], None]) -> None:
    with_pip = _run([python, "-I", "-c", "import ensurepip"]).returncode == 0
    if not with_pip:
        name = f"python{'.'.join(version.split('.')[:2])}-venv"
        say(
            f"ENV gets no pip: {python} has no ensurepip (on Debian and Ubuntu, install {name}); until then,"
            f" install with `{sys.executable} -m pip --python {env}/bin/python install ...`"
        )
    done = _run([python, "-I", "-m", "venv", *([] if with_pip else ["--without-pip"]), str(env)])
    if done.returncode != 0:
        raise ConfigError(f"{env}: {python} cannot make an environment here", done.stdout + done.stderr)
    if with_pip:
        _renew_pip(env, say)


def _renew_pip(env: Path, say: Callable[[str], None]) -> None:
    """
    Renew an old pip, which would not find today's wheels, and compile packages for minutes instead.
    """
    pip = [str(env / "bin" / "python"), "-m", "pip"]
    numbers = re.findall(r"\d+", _run([*pip, "--version"]).stdout)[:2]
    if not numbers or tuple(map(int, numbers)) >= _PIP_OF_WHEELS:
        return
    done = _run([*pip, "install", "--quiet", "--upgrade", "pip"])
    if done.returncode != 0:
        say(
            f"ENV has pip {'.'.join(numbers)}, which cannot read today's wheels, and renewing it failed:"
            f" {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}; try `{env}/bin/python -m pip install"
            " --upgrade pip`"
        )


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
