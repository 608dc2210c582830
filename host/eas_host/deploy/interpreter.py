"""
The Python of a package's `ENV`: whether a worker can run on it, and if not, why.

It is asked, by running it. Able is one that can load the host's native modules: same implementation, version and
machine. An environment that was only carried here without the Python that it was made from has packages that the
host's own Python can use, if it is of the same version.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from eas_host.python_env.import_hook import ABI, OLDEST
from eas_host.system import contained

_SECONDS: Final = 60
"""How long it may take to say its version: a first start from a network disk reads some hundred files."""
_QUESTION: Final = (
    "import json, platform, sys; from importlib.machinery import EXTENSION_SUFFIXES as abi; "
    "print(json.dumps([platform.python_implementation(), platform.python_version(), abi[0], platform.machine()]))"
)
_SHOWN: Final = 160
"""Characters of what a program prints that is no good: two lines of a terminal."""


Confine = Callable[[list[str]], list[str]]
"""Makes the command that runs a command with less rights; `list` leaves it as it is."""


@dataclass(frozen=True)
class Interpreter:
    """
    What to run a package on.

    Attributes:
        path: its own Python; `""`: the host's.
        version: such as `3.11.7`; `""` where it is not known.
        packages: folders of its `ENV` that the host's own Python can import from, for `WorkerSpec.packages`.
        why_not: why its Python cannot be used, in one sentence; `""` where it can, or where there is none.
    """

    path: str = ""
    version: str = ""
    packages: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Facts:
    """
    What a Python says of itself. *abi* is the ending of its native modules.
    """

    implementation: str
    version: str
    abi: str
    machine: str


class Unable(Exception):
    """
    The Python does not run; the text says why.
    """


def find(folder: Path, confine: Confine = list) -> Interpreter:
    """
    Look for the Python of the package in *folder*. What it is asked with runs with the rights that *confine* leaves it.
    """
    env = folder / "ENV"
    if not env.is_dir():
        return Interpreter()
    env = env.resolve()  # a workspace may have a link to the user's own; messages are to name that
    python = _python_of(env)
    if python is None:
        return _instead(env, f"{env} has no bin/python")
    try:
        _check_home(env, python)
        facts = ask(str(python), confine)
    except Unable as error:
        return _instead(env, f"{python} {error}")
    if facts.abi == ABI:
        return Interpreter(str(python), facts.version)
    return Interpreter(version=facts.version, why_not=_mismatch(python, facts))


def ask(python: str, confine: Confine = list) -> Facts:
    """
    Ask *python*, a path, what it is; *confine* as above.

    Raises:
        Unable: it does not run.
    """
    if python == sys.executable:
        return Facts(platform.python_implementation(), platform.python_version(), ABI, platform.machine())
    try:
        done = subprocess.run(
            confine([python, "-I", "-c", _QUESTION]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unable(f"does not say its version within {_SECONDS} s") from None
    except OSError as error:
        raise Unable(_refusal(python, error)) from error
    if done.returncode != 0:
        raise Unable(_failure(done))
    try:
        facts = Facts(*json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        raise Unable(f"is no Python: asked for its version it prints {done.stdout[:_SHOWN]!r}") from None
    return facts


def _python_of(env: Path) -> Path | None:
    """
    Find the interpreter in *env*; one that is a dangling link, where there is no better.
    """
    candidates = [path for name in ("python", "python3") if os.path.lexists(path := env / "bin" / name)]
    return next((path for path in candidates if not _absence(path)), next(iter(candidates), None))


def _check_home(env: Path, python: Path) -> None:
    """
    See whether the Python that *env* was made from is here: without it a copy of *python* would die with a long text.
    """
    try:
        with os.fdopen(contained.open_file(env, PurePath("pyvenv.cfg")), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        text = ""  # a conda prefix has none
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    home = next((value.strip() for key, value in settings.items() if key.strip().lower() == "home"), "")
    if home and (absence := _absence(Path(home))):
        raise Unable(f"needs the Python that ENV was made from, in {home}, which {absence}")
    if absence := _absence(python):
        target = os.readlink(python) if python.is_symlink() else python  # noqa: PTH115  as written
        raise Unable(f"is a link to {target}, which {absence}")


def _absence(path: Path) -> str:
    """
    Put into words why there is nothing at *path* for this user; `""` where there is.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "is not on this machine"
    except OSError as error:
        return f"cannot be reached: {error.strerror}"
    return ""


def _refusal(python: str, error: OSError) -> str:
    """
    Put into words why the system does not run *python*.
    """
    if error.errno == errno.ENOEXEC:
        return f"is built for another kind of machine than this one ({platform.machine()}), or no program at all"
    if error.errno == errno.EACCES:
        return "is not executable"
    if error.errno == errno.ENOENT and Path(python).exists():
        return "cannot be started: the loader that it names is not on this machine"
    return f"cannot be started: {error.strerror}"


def _failure(done: subprocess.CompletedProcess[str]) -> str:
    """
    Put into words why a Python that was started has failed.
    """
    if "nknown option: -I" in done.stderr:
        return "is Python 2, which is too old"
    lines = done.stderr.strip().splitlines()
    errors = [line for line in lines if "rror" in line]
    told = errors[-1] if errors else lines[0] if lines else "it says nothing"
    how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
    return f"does not run ({how}): {told.strip()[:_SHOWN]}"


def _mismatch(python: Path, facts: Facts) -> str:
    """
    Say how *python* differs from the host's own.
    """
    ours = platform.python_version().rpartition(".")[0]
    theirs = facts.version.rpartition(".")[0]
    if facts.implementation != platform.python_implementation():
        found, wanted = f"{facts.implementation} {facts.version}", f"{platform.python_implementation()} {ours}"
    elif theirs != ours:
        found, wanted = f"Python {facts.version}", ours
    else:
        found, wanted = f"built for {facts.abi} on {facts.machine}", ABI
    advice = f"make ENV with Python {ours}"
    if facts.implementation == "CPython" and theirs != ours and _pair(theirs) >= OLDEST:
        advice += f", or install eas-host for Python {theirs}"
    return (
        f"{python} is {found}, this host's modules are built for {wanted}: the processor runs on the host's own Python,"
        f" without ENV's packages; {advice}"
    )


def _instead(env: Path, reason: str) -> Interpreter:
    """
    Make do without the Python of *env*, for *reason*, but with its packages if they are for the host's version.
    """
    version = ".".join(map(str, sys.version_info[:2]))
    packages = env / "lib" / f"python{version}" / "site-packages"
    if packages.is_dir():
        text = f"{reason}: the processor runs on the host's own Python {version}, with the packages in ENV"
        return Interpreter(packages=(str(packages),), why_not=text)
    text = (
        f"{reason}: the processor runs on the host's own Python, without ENV's packages; make ENV here, with"
        f" Python {version}"
    )
    return Interpreter(why_not=text)


def _pair(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
