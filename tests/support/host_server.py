"""
The program behind `support.host_forks`: it has imported what a host imports, and becomes one host after the other.

    host_server.py SOCKET SCRIPT ROOM

Each message on the socket tells a command, its folder and its variables, and brings what is to be its standard
streams. The server makes a copy of itself for it, as `fork` does, and the copy runs the command's script. It is the
child of whoever started the server: that process waits for its end, and gets its exit code, as of any child.

The copy is what a start makes: a session of its own, the streams and no other file, the variables and arguments also
where /proc shows them, `sys.argv` and `__main__` of the script. What depends on the moment of a start is done in the
copy, and what a Python reads when it starts is the same in all copies: the client sees to that.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import socket
import sys
import time
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TypedDict

MODULES = (
    "eas_host.cli.main",
    "eas_host.cli.serve",
    "eas_host.service.host",
    "eas_host.deploy.from_options",
    "eas_host.deploy.from_description",
    "eas_host.crash_reports.reporter",
    "eas_host.workers.process",
    "eas_host.workers.supervisor",
    "eas_host.worker.cpp.native_worker",
)
"""They import nearly all that a host has imported when it serves."""
MOST = 1 << 20
"""Bytes of a message: no command of a test has more, nor its variables."""
_CLONE3 = 435  # the same on all architectures
_CLONE_PARENT, _CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x8000, 0x200000, 0x1000000
_PR_SET_NAME, _PR_GET_TID_ADDRESS = 15, 40
_libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, without which no Python may run in a copy


class Start(TypedDict):
    """What a host is started with."""

    command: list[str]
    cwd: str
    variables: dict[str, str]


def main() -> Start:
    """Returns in each copy, with what it is to run; the server itself ends here, when its client has ended."""
    sys.path[0] = str(Path(sys.argv[2]).parent)
    for module in MODULES:
        import_module(module)
    gc.collect()
    gc.freeze()  # the copies share what is not written
    client = socket.socket(fileno=int(sys.argv[1]))
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a copy has no thread but the one that makes it"
    client.send(b"ready")
    while True:
        message, files, _, _ = socket.recv_fds(client, MOST, 3)
        if not message:
            os._exit(0)
        pid = _copy()
        if pid == 0:
            start: Start = json.loads(message)
            _become(start, files)
            # Only now: whoever reads the answer finds the copy as a start leaves it.
            client.send(b"%d" % os.getpid())
            os.closerange(3, max(client.detach(), *files) + 1)
            return start
        for file in files:
            os.close(file)
        if pid < 0:
            client.send(b"0")


def _copy() -> int:
    """
    What `os.fork` does, but that the copy has the server's parent.

    glibc has no function that makes such a copy. What its `fork` does beside the system call, and concerns a process
    with one thread and no robust lock, is done here: the number of the thread, which glibc keeps.

    Returns:
        0 in the copy, its number in the server; -1 if the system does not let a process do this.
    """
    place = ctypes.c_uint64()
    if _libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(place), 0, 0, 0) != 0:
        return -1
    flags = _CLONE_PARENT | _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
    # struct clone_args of <linux/sched.h>. The signal at the copy's end is that at the server's, SIGCHLD.
    arguments = (ctypes.c_uint64 * 8)(flags, 0, place.value)
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = _libc.syscall(_CLONE3, ctypes.byref(arguments), ctypes.c_size_t(ctypes.sizeof(arguments)))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    return pid


def _become(start: Start, files: list[int]) -> None:
    """Makes this process what the system and Python make of a new one."""
    os.setsid()
    for standard, file in enumerate(files):
        os.dup2(file, standard)
    os.chdir(start["cwd"])
    os.environ.clear()
    os.environ.update(start["variables"])
    # Where the kernel looks for what it shows in /proc: fields of proc(5), and room that the client has made.
    fields = list(map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[1:]))
    _overwrite(fields[44], fields[45], start["command"])
    _overwrite(fields[46], fields[47], [f"{name}={value}" for name, value in start["variables"].items()])
    _libc.prctl(_PR_SET_NAME, os.fsencode(Path(start["command"][1]).name), 0, 0, 0)
    sys.orig_argv[:] = start["command"]
    sys.argv[:] = start["command"][1:]
    sys.modules["eas_host.deploy.deployment"].STARTED = time.time_ns()  # type: ignore[attr-defined]  # as its import does


def _overwrite(begin: int, end: int, texts: list[str]) -> None:
    content = b"".join(os.fsencode(text) + b"\0" for text in texts)
    assert len(content) < end - begin, "the client should have seen this"
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, content, len(content))


def run(script: str) -> None:
    """Runs *script* as `python script` does."""
    module = ModuleType("__main__")
    loader = SourceFileLoader("__main__", script)
    vars(module).update(
        __file__=script, __loader__=loader, __annotations__={}, __builtins__=__builtins__, __cached__=None
    )
    sys.modules["__main__"] = module
    code = compile(Path(script).read_bytes(), script, "exec")
    exec(code, vars(module))  # noqa: S102  it is the program


if __name__ == "__main__":
    run(main()["command"][1])
