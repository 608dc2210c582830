"""
What the launcher is told: as which user the worker runs, and which files a sandbox shows it.

A sandbox shows the system's programs and libraries, the worker's Python with its packages, and the files of the
processor: its package, its model, and the workspace if it has one, which is writable. A folder that anybody puts files
into, such as /tmp, does not count as a package: if the entry lies there, only its own file is visible.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.binaries.java_home import UnusableJava, find_libjvm
from eas_host.config import HostConfig
from eas_host.errors import ConfigError, InitializeFailed
from eas_host.sandbox import FAILED
from eas_host.system.user import User, find_user
from eas_runtime.worker_spec import WorkerSpec

_SOURCE_ROOT: Final = str(Path(__file__).parents[2])
_BOOTSTRAP: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from eas_host.sandbox.launcher import main; sys.exit(main())"
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
"""What programs read in /etc. The rest, such as keys and password hashes, may be readable by the user of the host."""
_DEVICES: Final = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"),
    *("/dev/nvidia*", "/dev/dri", "/dev/kfd"),
)
_SHARED: Final = frozenset({"/", "/tmp", "/var/tmp", "/dev/shm"})  # noqa: S108  compared
_OWN: Final = ("/tmp", "/dev/shm")  # noqa: S108  these are the processor's own
_IN_SANDBOX: Final = {"HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108  as above
_CHECK_TIMEOUT: Final = 60


@dataclass(frozen=True)
class Confinement:
    """
    The rights that programs of a service have: those of the host if there is no *user* and no *sandbox*.

    Attributes:
        user: the user that runs them; None for the user of the host.
        sandbox: whether they see and reach only what they need.
    """

    user: User | None = None
    sandbox: bool = False

    @classmethod
    def of(cls, config: HostConfig) -> Confinement:
        """
        Return the confinement that *config* asks for.

        Raises:
            ConfigError: there is no such user, or this process may not become that user.
        """
        return cls(find_user(config.user) if config.user else None, config.sandbox)

    def __bool__(self) -> bool:
        return self.user is not None or self.sandbox

    def program_command(self, command: Sequence[str], readable: Iterable[str] = ()) -> list[str]:
        """
        Return the command that runs *command*, an absolute path and its arguments, with fewer rights. A sandbox shows
        it *readable*, too.
        """
        return self._launch(command, [*_program_folders(command[0]), *readable])

    def resolve_paths(self, spec: WorkerSpec) -> WorkerSpec:
        """
        Decide which paths a sandbox shows to the workers of *spec*.

        This is done once, before any of them runs: a processor could replace a folder that it may write to with a link,
        and the next worker would see where that leads.
        """
        if not self.sandbox:
            return spec
        program = spec.interpreter or sys.executable
        visible = _visible(
            [*_program_folders(program), *_files_of(spec), *_package_folders(spec), *_java_home(spec), *spec.readable]
        )
        inside = [path for path in visible if any(Path(path).is_relative_to(folder) for folder in spec.writable)]
        return spec.replace(readable=tuple(path for path in visible if path not in inside))

    def worker_command(self, command: Sequence[str], spec: WorkerSpec) -> list[str]:
        """
        Return the command that runs *command*, a worker of *spec*. The paths of *spec* have been resolved.
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
        Return the command that starts the launcher. With *check* the launcher runs no command, but prints what is not
        enforced, and which of these paths cannot be reached.
        """
        if not self:
            return [*command]
        user, sandbox = self.user, self.sandbox
        variables = {**(user.variables if user else {}), **(_IN_SANDBOX if sandbox else {})}
        plan = {
            "user": None if user is None else [user.number, user.group, user.groups],
            "sandbox": sandbox,
            "readable": _visible(readable) if sandbox else [],
            "writable": [*_OWN, *_existing(_DEVICES), *_visible(spec.writable if spec else ())] if sandbox else [],
            "environment": {**variables, **(spec.environment if spec else {})},
            **({} if check is None else {"check": check}),
        }
        return [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, _SOURCE_ROOT, json.dumps(plan), *command]

    def check(self, spec: WorkerSpec) -> None:
        """
        Try the rights that the workers of *spec* will have, and warn of what this kernel does not enforce. The paths of
        *spec* have been resolved.

        Raises:
            ConfigError: the user has no access to a file that the worker needs.
            InitializeFailed: nothing can be enforced.
        """
        if not self:
            return
        program = spec.interpreter or sys.executable
        needed = _with_targets([program, _SOURCE_ROOT, *_files_of(spec), *_java_home(spec)])
        command = self._launch([program], spec.readable, spec, check=needed)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_TIMEOUT, check=False)
        if done.returncode:
            message = done.stderr.strip().rpartition("\n")[2].removeprefix("eas-host: ")
            raise InitializeFailed(
                message if done.returncode == FAILED else f"the launcher of workers failed: {message}"
            )
        found = json.loads(done.stdout)
        if found["unprotected"]:
            raise InitializeFailed(f"--sandbox: nothing of it can be enforced here: {'; '.join(found['missing'])}")
        for path, place, mode in found["blocked"]:
            who = f"--user {self.user.name}" if self.user else "--sandbox"
            raise ConfigError(
                f"{who}: the processor could not read {path}, since {place} is closed to it (mode {mode});"
                f" type: chmod o+{'r' if path == place else 'x'} {place}, or move it"
            )
        if found["missing"]:
            log.warning("--sandbox: not enforced on this system: %s", "; ".join(found["missing"]))


def _program_folders(program: str) -> list[str]:
    """
    Return the files and folders that any program needs, and those of the Python *program* with the host's packages.
    """
    folders = [*_SYSTEM, *_existing(f"/etc/{name}" for name in _SETTINGS), *_python_folders(program), _SOURCE_ROOT]
    folders += [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path]
    folders += os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return folders


def _visible(paths: Iterable[str]) -> list[str]:
    """
    Return those of *paths* that a sandbox shows: no folders that everybody shares.
    """
    plain = (os.path.normpath(path) for path in paths if path.startswith("/"))
    return [path for path in dict.fromkeys(plain) if path not in _SHARED]


def _with_targets(paths: Iterable[str]) -> list[str]:
    """
    Return *paths* and the targets of links among them: a target that cannot be reached seems not to exist.
    """
    return [*dict.fromkeys(end for path in paths for end in (path.rstrip("/"), os.path.realpath(path)))]


def _python_folders(program: str) -> list[str]:
    """
    Return the folders of *program*, the Python of an environment: its own, and that of the Python it was made from.
    """
    return [str(Path(path).parent.parent) for path in (program, os.path.realpath(program))]


def _existing(patterns: Iterable[str]) -> list[str]:
    return [path for pattern in patterns for path in glob.glob(pattern)]  # noqa: PTH207  as text


def _files_of(spec: WorkerSpec) -> list[str]:
    unpacked = chain.from_iterable(spec.unpacked.values())
    return [path for path in (spec.entry, spec.model_entry, *spec.classpath, *unpacked, *spec.packages) if path]


def _package_folders(spec: WorkerSpec) -> list[str]:
    """
    Return the folder of the entry, with its libraries, modules and files. If there is a workspace, it lies in that.
    """
    return [str(Path(spec.entry).parent), spec.folder]


def _java_home(spec: WorkerSpec) -> list[str]:
    """
    Return the home that JAVA_HOME names, and the one where its JVM really is, since that has the rest of it.
    """
    home = {**os.environ, **spec.environment}.get("JAVA_HOME", "")
    if spec.type != "java" or not home.startswith("/"):  # a relative one begins in the package
        return []
    try:
        library = find_libjvm(Path(home))
    except UnusableJava:  # the worker says so
        return [home]
    return [home, str(library.resolve().parents[2])]
