"""
What the launcher is told: who the worker is to be, and what a sandbox shows it.

A sandbox has the system's programs and libraries, the worker's Python with its packages, and what belongs to the
processor: its package, its model, and, writable, the workspace if it has one. A folder that anybody puts files into,
such as /tmp, is not a package: of an entry that lies there only the file itself is shown.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.config import HostConfig, WorkerSpec
from eas_host.errors import ConfigError, InitializeFailed
from eas_host.sandbox import FAILED
from eas_host.system.user import User, find_user

_SOURCE_ROOT: Final = str(Path(__file__).parents[2])
_LINES: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from eas_host.sandbox.launch import main; sys.exit(main())"
)
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/proc", "/sys")
_SETTINGS: Final = (
    *(
        "alternatives",
        "ca-certificates",
        "crypto-policies",
        "fonts",
        "java*",
        "jvm*",
        "group",
        "gai.conf",
        "host.conf",
        "hosts",
        "ld.so.cache",
    ),
    *("ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "machine-id", "mime.types"),
    *("nsswitch.conf", "OpenCL", "passwd", "pki/ca-trust", "pki/tls/certs", "protocols", "services", "ssl/certs"),
    *("ssl/openssl.cnf", "timezone"),
)
"""What programs read in /etc. The rest, such as keys and password hashes, may be readable for who starts the host."""
_DEVICES: Final = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"),
    *("/dev/nvidia*", "/dev/dri", "/dev/kfd"),
)
_SHARED: Final = frozenset({"/", "/tmp", "/var/tmp", "/dev/shm"})  # noqa: S108  compared
_OWN: Final = ("/tmp", "/dev/shm")  # noqa: S108  these are the processor's own
_IN_SANDBOX: Final = {"HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108  as above
_SECONDS: Final = 60


@dataclass(frozen=True)
class Confinement:
    """
    What is taken away from programs of a service: nothing, if there is no *user* and no *sandbox*.

    Attributes:
        user: who runs them; None: whoever runs the host.
        sandbox: whether they see and reach only what they need.
    """

    user: User | None = None
    sandbox: bool = False

    @classmethod
    def of(cls, config: HostConfig) -> Confinement:
        """
        What *config* asks for.

        Raises:
            ConfigError: there is no such user, or this process may not become it.
        """
        return cls(find_user(config.user) if config.user else None, config.sandbox)

    def __bool__(self) -> bool:
        return self.user is not None or self.sandbox

    def command(self, command: Sequence[str], readable: Iterable[str] = ()) -> list[str]:
        """
        What runs *command*, an absolute path and its words, with less rights. A sandbox shows it *readable*, too.
        """
        return self._launch(command, [*_system(command[0]), *readable])

    def settle(self, spec: WorkerSpec) -> WorkerSpec:
        """
        Settle what a sandbox shows the workers of *spec*.

        That is done once, before any of them runs: in what it may write to, a processor could exchange a folder for a
        link, and the next worker would be shown where that leads.
        """
        if not self.sandbox:
            return spec
        program = spec.interpreter or sys.executable
        shown = _shown([*_system(program), *_needed(spec), *_package(spec), *_java(spec), *spec.readable])
        inside = [path for path in shown if any(Path(path).is_relative_to(folder) for folder in spec.writable)]
        return replace(spec, readable=tuple(path for path in shown if path not in inside))

    def worker(self, command: Sequence[str], spec: WorkerSpec) -> list[str]:
        """
        What runs *command*, a worker of *spec*, which is settled.
        """
        return self._launch(command, spec.readable, spec)

    def _launch(
        self,
        command: Sequence[str],
        readable: Iterable[str],
        spec: WorkerSpec | None = None,
        check: Sequence[str] | None = None,
    ) -> list[str]:
        """
        What starts the launcher. With *check* it runs no command, but prints what is not in force, and what of these
        paths cannot be reached.
        """
        if not self:
            return [*command]
        user, sandbox = self.user, self.sandbox
        variables = {**(user.variables if user else {}), **(_IN_SANDBOX if sandbox else {})}
        plan = {
            "user": None if user is None else [user.number, user.group, user.groups],
            "sandbox": sandbox,
            "readable": _shown(readable) if sandbox else [],
            "writable": [*_OWN, *_present(_DEVICES), *_shown(spec.writable if spec else ())] if sandbox else [],
            "environment": {**variables, **(spec.environment if spec else {})},
            **({} if check is None else {"check": check}),
        }
        return [sys.executable, "-I", "-S", "-c", _LINES, _SOURCE_ROOT, json.dumps(plan), *command]

    def check(self, spec: WorkerSpec) -> None:
        """
        Try what the workers of *spec*, which is settled, will have, and warn of what this kernel does not enforce.

        Raises:
            ConfigError: the user cannot reach what it needs.
            InitializeFailed: nothing can be enforced.
        """
        if not self:
            return
        program = spec.interpreter or sys.executable
        needed = _with_ends([program, _SOURCE_ROOT, *_needed(spec)])
        command = self._launch([program], spec.readable, spec, check=needed)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            told = done.stderr.strip().rpartition("\n")[2].removeprefix("eas-host: ")
            raise InitializeFailed(told if done.returncode == FAILED else f"the launcher of workers failed: {told}")
        found = json.loads(done.stdout)
        if found["bare"]:
            raise InitializeFailed(f"--sandbox: nothing of it can be enforced here: {'; '.join(found['missing'])}")
        for path, place, mode in found["blocked"]:
            who = f"--user {self.user.name}" if self.user else "--sandbox"
            raise ConfigError(
                f"{who}: the processor could not read {path}, since {place} is closed to it (mode {mode});"
                f" type: chmod o+{'r' if path == place else 'x'} {place}, or move it"
            )
        if found["missing"]:
            log.warning("--sandbox: not in force on this system: %s", "; ".join(found["missing"]))


def _system(program: str) -> list[str]:
    """
    What any program, and the Python *program* with the host's packages, is made of.
    """
    folders = [*_SYSTEM, *_present(f"/etc/{name}" for name in _SETTINGS), *_python(program), _SOURCE_ROOT]
    folders += [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path]
    folders += os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return folders


def _shown(paths: Iterable[str]) -> list[str]:
    """
    Which of *paths* a sandbox shows: not what is everybody's.
    """
    plain = (os.path.normpath(path) for path in paths if path.startswith("/"))
    return [path for path in dict.fromkeys(plain) if path not in _SHARED]


def _with_ends(paths: Iterable[str]) -> list[str]:
    """
    *paths*, and where links among them lead to: who cannot get there does not see that there is anything.
    """
    return [*dict.fromkeys(end for path in paths for end in (path.rstrip("/"), os.path.realpath(path)))]


def _python(program: str) -> list[str]:
    """
    Where *program*, the Python of an environment, has its parts: there, and where the environment was made from.
    """
    return [str(Path(path).parent.parent) for path in (program, os.path.realpath(program))]


def _present(patterns: Iterable[str]) -> list[str]:
    return [path for pattern in patterns for path in glob.glob(pattern)]  # noqa: PTH207  as text


def _needed(spec: WorkerSpec) -> list[str]:
    unpacked = chain.from_iterable(spec.unpacked.values())
    return [path for path in (spec.entry, spec.model_entry, *spec.classpath, *unpacked, *spec.packages) if path]


def _package(spec: WorkerSpec) -> list[str]:
    """
    The folder of the entry: its libraries, modules and files. The workspace has it, where there is one.
    """
    return [str(Path(spec.entry).parent), spec.folder]


def _java(spec: WorkerSpec) -> list[str]:
    home = {**os.environ, **spec.environment}.get("JAVA_HOME", "")
    return [home] if spec.type == "java" and home else []
