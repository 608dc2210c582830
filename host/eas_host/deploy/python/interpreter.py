"""
The Python of a package's `ENV`: whether a worker can run on it and, if not, why.

It is run and asked for its version. It must be able to load the host's native modules, so it needs the same
implementation, version and machine. An environment that was copied here without the Python that it was made from has
packages that the host's own Python can use, if that has the same version.
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
from eas_host.system import contained_files

_TIMEOUT_SECONDS: Final = 60
"""How long it may take to print its version: a first start from a network disk reads some hundred files."""
_PROBE: Final = (
    "import json, platform, sys; from importlib.machinery import EXTENSION_SUFFIXES as abi; "
    "print(json.dumps([platform.python_implementation(), platform.python_version(), abi[0], platform.machine()]))"
)
_MAX_SHOWN: Final = 160
"""How many characters of an unexpected output a message shows: two lines of a terminal."""


Confine = Callable[[list[str]], list[str]]
"""Turns a command into one that runs it with fewer rights; `list` leaves it unchanged."""


@dataclass(frozen=True)
class Interpreter:
    """
    The Python that a package runs on.

    Attributes:
        path: the package's own Python; `""` for the host's.
        version: such as `3.11.7`; `""` if it is not known.
        packages: folders of its `ENV` that the host's own Python can import from, for `WorkerSpec.packages`.
        problem: why its own Python cannot be used, in one sentence; `""` if it can, or if it has none.
    """

    path: str = ""
    version: str = ""
    packages: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class InterpreterFacts:
    """
    What a Python reports about itself. *abi* is the file name ending of its native modules.
    """

    implementation: str
    version: str
    abi: str
    machine: str


class IncompatibleInterpreter(Exception):
    """
    The Python does not run. The text says why.
    """


def find_interpreter(folder: Path, confine: Confine = list) -> Interpreter:
    """
    Find the Python of the package in *folder*. It is run as a command that *confine* has confined.
    """
    env = folder / "ENV"
    if not env.is_dir():
        return Interpreter()
    env = env.resolve()  # it may be a link to the user's own folder, which messages must name
    python = _python_of(env)
    if python is None:
        return _fall_back(env, f"{env} has no bin/python")
    try:
        _check_home(env, python)
        facts = probe(str(python), confine)
    except IncompatibleInterpreter as error:
        return _fall_back(env, f"{python} {error}")
    if facts.abi == ABI:
        return Interpreter(str(python), facts.version)
    return Interpreter(version=facts.version, problem=_mismatch(python, facts))


def probe(python: str, confine: Confine = list) -> InterpreterFacts:
    """
    Ask the interpreter *python*, a path, for its version. It is run as a command that *confine* has confined.

    Raises:
        IncompatibleInterpreter: it does not run.
    """
    if python == sys.executable:
        return InterpreterFacts(platform.python_implementation(), platform.python_version(), ABI, platform.machine())
    try:
        done = subprocess.run(
            confine([python, "-I", "-c", _PROBE]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise IncompatibleInterpreter(f"does not say its version within {_TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise IncompatibleInterpreter(_why_not_started(python, error)) from error
    if done.returncode != 0:
        raise IncompatibleInterpreter(_why_failed(done))
    try:
        facts = InterpreterFacts(*json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        raise IncompatibleInterpreter(
            f"is no Python: asked for its version it prints {done.stdout[:_MAX_SHOWN]!r}"
        ) from None
    return facts


def _python_of(env: Path) -> Path | None:
    """
    Find the interpreter in *env*. A dangling link is returned only if there is nothing better.
    """
    candidates = [path for name in ("python", "python3") if os.path.lexists(path := env / "bin" / name)]
    return next((path for path in candidates if not _why_absent(path)), next(iter(candidates), None))


def _check_home(env: Path, python: Path) -> None:
    """
    Check that the Python that *env* was made from is on this machine. Without it, *python* would end with a long text.
    """
    try:
        with os.fdopen(
            contained_files.open_file(env, PurePath("pyvenv.cfg")), encoding="utf-8", errors="replace"
        ) as file:
            text = file.read()
    except OSError:
        text = ""  # a conda prefix has none
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    home = next((value.strip() for key, value in settings.items() if key.strip().lower() == "home"), "")
    if home and (absence := _why_absent(Path(home))):
        raise IncompatibleInterpreter(f"needs the Python that ENV was made from, in {home}, which {absence}")
    if absence := _why_absent(python):
        target = os.readlink(python) if python.is_symlink() else python  # noqa: PTH115  as written
        raise IncompatibleInterpreter(f"is a link to {target}, which {absence}")


def _why_absent(path: Path) -> str:
    """
    Say why this user cannot find anything at *path*; `""` if something is there.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "is not on this machine"
    except OSError as error:
        return f"cannot be reached: {error.strerror}"
    return ""


def _why_not_started(python: str, error: OSError) -> str:
    """
    Say why the system cannot start *python*.
    """
    if error.errno == errno.ENOEXEC:
        return f"is built for another kind of machine than this one ({platform.machine()}), or no program at all"
    if error.errno == errno.EACCES:
        return "is not executable"
    if error.errno == errno.ENOENT and Path(python).exists():
        return "cannot be started: the loader that it names is not on this machine"
    return f"cannot be started: {error.strerror}"


def _why_failed(done: subprocess.CompletedProcess[str]) -> str:
    """
    Say why a Python that was started has failed.
    """
    if "nknown option: -I" in done.stderr:
        return "is Python 2, which is too old"
    lines = done.stderr.strip().splitlines()
    errors = [line for line in lines if "rror" in line]
    shown = errors[-1] if errors else lines[0] if lines else "it says nothing"
    how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
    return f"does not run ({how}): {shown.strip()[:_MAX_SHOWN]}"


def _mismatch(python: Path, facts: InterpreterFacts) -> str:
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
    if facts.implementation == "CPython" and theirs != ours and _major_minor(theirs) >= OLDEST:
        advice += f", or install eas-host for Python {theirs}"
    return (
        f"{python} is {found}, this host's modules are built for {wanted}: the processor runs on the host's own Python,"
        f" without ENV's packages; {advice}"
    )


def _fall_back(env: Path, reason: str) -> Interpreter:
    """
    Use the host's own Python for *reason*, with the packages in *env* if they are for that version.
    """
    version = ".".join(map(str, sys.version_info[:2]))
    packages = env / "lib" / f"python{version}" / "site-packages"
    if packages.is_dir():
        text = f"{reason}: the processor runs on the host's own Python {version}, with the packages in ENV"
        return Interpreter(packages=(str(packages),), problem=text)
    text = (
        f"{reason}: the processor runs on the host's own Python, without ENV's packages; make ENV here, with"
        f" Python {version}"
    )
    return Interpreter(problem=text)


def _major_minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
