"""
Starts of `eas-host` that cost a third: copies of a process that has imported what a host imports.

Most of what a start takes are imports, 110 ms of CPU time, and the tests start 2,300 hosts. So each process of pytest
has a server beside it (`support.host_server`), from when it first starts a host, and `HostProcess` is a `Popen` whose
child is a copy of that server. Python's and the host's own code see what they see in a program that was started.

The start is the real one

- in a test with the mark `real_starts`: one about a start or an end, about streams, signals or memory of the process;
  and in all of the folders `REAL_STARTS`;
- where a copy would differ: another program, other standard streams, other variables of those that Python, glibc or an
  imported module read as they start, another control group, other limits or signals than the server has;
- where lines are counted: `make coverage`;
- where the system does not let a process make such copies.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

TESTS: Final = Path(__file__).resolve().parent.parent
SERVER: Final = TESTS / "support" / "host_server.py"
MARK: Final = "real_starts"
REAL_STARTS: Final = frozenset({"log", "meta", "operations", "python_env", "sandbox", "system"})
"""Folders of tests that all have the mark."""
ROOM: Final = 1 << 16
"""Bytes for arguments, and again for variables: the server is started with so many, and copies write theirs there."""
_READ_AT_START: Final = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_", "TZ", "PATH", "COV", "OPENSSL_")
"""How the names of variables begin that are read by Python, by glibc, or as a module is imported."""
_ROOM_VARIABLE: Final = "EAS_TEST_ROOM"


def add_marker(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: no host of this test is a copy of a process that has its modules")


def wants_real_starts(item: pytest.Item) -> bool:
    return item.get_closest_marker(MARK) is not None or item.path.relative_to(TESTS).parts[0] in REAL_STARTS


class HostStarts:
    """
    Whether hosts may be copies, as the test that runs says; and the server that makes them.

    Attributes:
        real: whether the running test wants real starts.
        made: how many hosts were copies.
    """

    def __init__(self) -> None:
        self.real = True
        self.made = 0
        self._lock = threading.Lock()
        self._script = ""
        self._variables: dict[str, str] = {}
        self._surroundings: list[object] = []
        self._server: _Server | None = None

    def begin(self, script: Path, variables: Mapping[str, str]) -> None:
        """From now on hosts may be copies: those of *script* with such *variables*, in such surroundings as now."""
        if script.exists() and "coverage" not in sys.modules:
            self._script, self._variables, self._surroundings = str(script), dict(variables), _surroundings()

    def copy(self, command: list[str], cwd: str, variables: Mapping[str, str], files: list[int]) -> int:
        """Makes a host that is a copy, with *files* for its standard streams. Returns its number; 0 if it cannot be."""
        with self._lock:
            if self.real or command[0] != self._script or not Path(cwd).is_dir():
                return 0
            if _read_at_start(variables) != _read_at_start(self._variables) or _surroundings() != self._surroundings:
                return 0
            if self._server is None:
                self._server = _Server(self._script, self._variables)
            pid = self._server.copy(command, cwd, variables, files)
            self.made += pid != 0
            return pid

    def end(self) -> None:
        """Ends the server; its copies live on."""
        if self._server is not None:
            self._server.end()
            self._server = None


starts = HostStarts()
"""Of all tests of this process."""
atexit.register(starts.end)


class _Server:
    """The server for hosts of *script*, started with *variables*."""

    def __init__(self, script: str, variables: Mapping[str, str]) -> None:
        self._python = _interpreter(script)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Its streams are of the kind that those of its copies are: Python looks at that when it starts.
        self._process = subprocess.Popen(
            [self._python, str(SERVER), str(theirs.fileno()), script, " " * ROOM],
            cwd="/",
            env={**variables, _ROOM_VARIABLE: " " * ROOM},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        assert self._socket.recv(16) == b"ready", self._process.communicate()[1].decode()

    def copy(self, command: list[str], cwd: str, variables: Mapping[str, str], files: list[int]) -> int:
        words = [self._python, *command]
        if sum(len(os.fsencode(word)) + 1 for word in words) >= ROOM or len(json.dumps(dict(variables))) >= ROOM:
            return 0
        message = json.dumps({"command": words, "cwd": cwd, "variables": dict(variables)}).encode()
        socket.send_fds(self._socket, [message], files)
        return int(self._socket.recv(16))

    def end(self) -> None:
        self._socket.close()
        self._process.communicate()


class HostProcess(subprocess.Popen[Any]):
    """
    A host in a session of its own, without input, whose outputs are pipes: a copy of the server, or started as any
    program is.

    Args:
        command: the program and its words.
        cwd: its working folder.
        variables: its environment.
        text: as for `Popen`.
        starts: makes the copies.
    """

    def __init__(
        self,
        command: list[str],
        cwd: Path,
        variables: Mapping[str, str],
        *,
        text: bool = False,
        starts: HostStarts = starts,
    ) -> None:
        self._start = (command, str(cwd), variables)
        self._starts = starts
        super().__init__(
            command,
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=text,
            errors="replace" if text else None,
        )

    def _execute_child(self, *args: Any) -> None:  # noqa: ANN401  those of `Popen`
        """How `Popen` starts its program; behind the tenth argument it gets both ends of the three pipes."""
        command, cwd, variables = self._start
        pipes = args[10:16]
        sys.audit("subprocess.Popen", command[0], command, cwd, variables)
        self.pid = self._starts.copy(command, cwd, variables, [pipes[0], pipes[3], pipes[5]])
        if self.pid == 0:
            super()._execute_child(*args)  # type: ignore[misc]
            return
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def _interpreter(script: str) -> str:
    """What the first line of *script* names, which pip has written."""
    with Path(script).open(encoding="utf-8") as file:
        return file.readline().removeprefix("#!").strip()


def _read_at_start(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith(_READ_AT_START)}


def _surroundings() -> list[object]:
    """What a process has from the one that starts it: its rights, limits, groups, the signals that it ignores."""
    own = Path("/proc/thread-self/status").read_text(encoding="utf-8").splitlines()
    passed_on = (
        "Umask",
        "Uid",
        "Gid",
        "Groups",
        "SigBlk",
        "SigIgn",
        "Cap",
        "NoNewPrivs",
        "Seccomp",
        "Cpus_allowed_list",
    )
    files = ("cgroup", "limits", "oom_score_adj", "uid_map")
    return [
        [line for line in own if line.startswith(passed_on)],
        [Path("/proc/self", name).read_text(encoding="utf-8") for name in files],
        [Path("/proc/self/ns", name).stat().st_ino for name in ("mnt", "net", "user")],
        os.getpriority(os.PRIO_PROCESS, 0),
    ]
