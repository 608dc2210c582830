"""
The Python of a package's `ENV`: whether a worker can run on it and, if not, why.

It is run and asked what it is. It must be CPython, from 3.6 on, and able to load the host's native library: so it is
built for this machine and this libc, and has `ctypes`. An environment that was copied here without the Python that it
was made from has packages that the host's own Python can use, if that has the same version.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final

from eas_host.errors import EntryInvalid
from eas_host.system import contained_files
from eas_runtime.ring.ctypes_library import LIBRARY

OLDEST: Final = (3, 6)
"""The first version that `eas_runtime` is written for."""

_TIMEOUT_SECONDS: Final = 60
"""How long it may take to print its version: a first start from a network disk reads some hundred files."""
_PROBE: Final = """
import json, platform, sys, sysconfig
problem = ""
try:
    import ctypes
    ctypes.CDLL(sys.argv[1])
except (ImportError, OSError) as error:
    problem = str(error)
print(json.dumps([
    platform.python_implementation(), platform.python_version(), sysconfig.get_config_var("EXT_SUFFIX"), problem
]))
"""
_MAX_SHOWN: Final = 160
"""How many characters of an unexpected output a message shows: two lines of a terminal."""


Confine = Callable[[list[str]], list[str]]
"""Turns a command into one that runs it with fewer rights; `list` leaves it unchanged."""


@dataclass(frozen=True)
class Interpreter:
    """
    The Python that a package runs on.

    Attributes:
        path: the Python, if it is not the host's; `""` for that.
        version: such as `3.11.7`; `""` if it is not known.
        packages: folders of an `ENV` that this Python imports from, though it is not that ENV's; for
            `WorkerSpec.packages`.
        problem: why the package's own Python cannot be used, in one sentence; `""` if it can, or if it has none.
    """

    path: str = ""
    version: str = ""
    packages: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class InterpreterFacts:
    """
    What a Python reports about itself. *abi* is the file name ending of its native modules, such as
    `.cpython-311-x86_64-linux-gnu.so`: implementation, version, machine and libc. *problem* is why it cannot load the
    host's native library; `""` if it can.
    """

    implementation: str
    version: str
    abi: str
    problem: str = ""

    @property
    def release(self) -> tuple[int, ...]:
        """
        The version's first two numbers.
        """
        return tuple(map(int, re.findall(r"\d+", self.version)[:2]))


class IncompatibleInterpreter(Exception):
    """
    The Python does not run, or cannot run a processor. The text says why.
    """


def find_interpreter(
    folder: Path, confine: Confine = list, otherwise: Callable[[], Interpreter] = Interpreter
) -> Interpreter:
    """
    Find the Python of the package in *folder*. It is run as a command that *confine* has confined. If it has none that
    can be used, the result is that of *otherwise*: the host's own.

    Raises:
        EntryInvalid: it is Python 2, whose programs no other Python runs.
    """
    env = folder / "ENV"
    if not env.is_dir():
        return otherwise()
    env = env.resolve()  # it may be a link to the user's own folder, which messages must name
    python = _python_of(env)
    if python is None:
        return _fall_back(env, f"{env} has no bin/python", otherwise())
    try:
        _check_home(env, python)
        facts = probe(str(python), confine)
        check(facts)
    except IncompatibleInterpreter as error:
        return _fall_back(env, f"{python} {error}", otherwise())
    return Interpreter(str(python), facts.version)


def fits(version: str, wanted: str) -> bool:
    """
    Tell whether a *version*, such as `3.6.15`, is the one that is *wanted*, such as `3.6`.
    """
    return f"{version}.".startswith(f"{wanted}.")


def check(facts: InterpreterFacts) -> None:
    """
    Check that a Python with these *facts* can run a processor.

    Raises:
        IncompatibleInterpreter: it cannot.
    """
    if facts.implementation != "CPython":
        raise IncompatibleInterpreter(f"is {facts.implementation} {facts.version}, and processors run on CPython")
    if facts.release < OLDEST:
        raise IncompatibleInterpreter(
            f"is Python {facts.version}, and processors run on {'.'.join(map(str, OLDEST))} and later"
        )
    if facts.problem:
        raise IncompatibleInterpreter(
            f"is Python {facts.version} ({facts.abi}) and cannot load the host's native library: {facts.problem}"
        )


def probe(python: str, confine: Confine = list) -> InterpreterFacts:
    """
    Ask the interpreter *python*, a path, for its version. It is run as a command that *confine* has confined.

    Raises:
        IncompatibleInterpreter: it does not run.
        EntryInvalid: it is Python 2.
    """
    if python == sys.executable:
        abi = sysconfig.get_config_var("EXT_SUFFIX")
        return InterpreterFacts(platform.python_implementation(), platform.python_version(), abi)
    try:
        return InterpreterFacts(*ask(python, confine, "-c", _PROBE, LIBRARY))
    except TypeError:
        raise IncompatibleInterpreter("is no Python: asked for its version it prints something else") from None


def ask(python: str, confine: Confine, *arguments: str) -> Any:  # noqa: ANN401  any JSON
    """
    Run the interpreter *python*, a path, with *arguments*, without the user's own settings and modules. It is run as a
    command that *confine* has confined.

    Returns:
        What the last line that it prints is in JSON.

    Raises:
        IncompatibleInterpreter: it does not run.
        EntryInvalid: it is Python 2.
    """
    try:
        done = subprocess.run(
            confine([python, "-I", *arguments]),
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
    if "nknown option: -I" in done.stderr:
        raise EntryInvalid(
            f"{python} is Python 2: a processor needs Python {'.'.join(map(str, OLDEST))} or later; translate the"
            " program (`2to3 -w app.py` does most of it), and make ENV with a later Python"
        )
    if done.returncode != 0:
        raise IncompatibleInterpreter(_why_closed(python, done) or _why_failed(done))
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise IncompatibleInterpreter(
            f"is no Python: asked for its version it prints {done.stdout[:_MAX_SHOWN]!r}"
        ) from None


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


def _why_closed(python: str, done: subprocess.CompletedProcess[str]) -> str:
    """
    Say which folder keeps the user of `--user` from starting *python*; `""` if none is seen to.
    """
    real = Path(os.path.realpath(python))
    if "ermission denied" not in done.stderr:
        return ""
    for path in (*reversed(real.parents), real):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            how = "cannot be started:" if str(real) == python else f"is a link to {real}, and"
            mode = stat.S_IMODE(mode)
            return f"{how} {path} is closed to other users (mode {mode:04o}; `chmod o+x {path}` opens it)"
    return ""


def _why_failed(done: subprocess.CompletedProcess[str]) -> str:
    """
    Say why a Python that was started has failed.
    """
    lines = done.stderr.strip().splitlines()
    errors = [line for line in lines if "rror" in line]
    shown = errors[-1] if errors else lines[0] if lines else "it says nothing"
    how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
    return f"does not run ({how}): {shown.strip()[:_MAX_SHOWN]}"


def _fall_back(env: Path, reason: str, other: Interpreter) -> Interpreter:
    """
    Use the *other* Python for *reason*, with the packages in *env* if they are for its version.
    """
    version = ".".join((other.version or platform.python_version()).split(".")[:2])
    name = f"Python {version}, {other.path}," if other.path else f"the host's own Python {version},"
    packages = env / "lib" / f"python{version}" / "site-packages"
    if packages.is_dir():
        text = f"{reason}: the processor runs on {name} with the packages in ENV"
        return replace(other, packages=(str(packages),), problem=text)
    text = f"{reason}: the processor runs on {name} without ENV's packages; make ENV here, with Python {version}"
    return replace(other, problem=text)
