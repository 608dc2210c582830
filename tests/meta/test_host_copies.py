"""
A host that is a copy of a process with its modules (support.host_forks) finds what one finds that was started.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import TIMEOUT
from support.host import clean_environment
from support.host_forks import HostProcess, HostStarts

FACTS = """\
import atexit, gc, json, os, signal, sys, threading

def text(name):
    return open(f"/proc/self/{name}").read()

print("a line")
own = dict(line.split(":", 1) for line in text("status").splitlines())
facts = {
    "argv": sys.argv, "orig_argv": sys.orig_argv, "flags": list(sys.flags), "path": sys.path, "prefix": sys.prefix,
    "executable": sys.executable, "file": __file__, "cwd": os.getcwd(), "names": sorted(globals()),
    "main": sys.modules["__main__"].__dict__ is globals(), "variables": dict(os.environ),
    "environment": text("environ"), "command line": text("cmdline"),
    "name": own["Name"], "umask": own["Umask"], "rights": own["CapEff"],
    "encodings": [sys.getfilesystemencoding(), sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors],
    "buffers": [sys.stdout.line_buffering, sys.stdout.seekable(), sys.stdin.isatty(), sys.stdin.read()],
    "signals": [own[name] for name in ("SigBlk", "SigIgn", "SigCgt")],
    "handlers": [str(signal.getsignal(number)).split(" at ")[0] for number in sorted(signal.valid_signals())],
    "files": sorted(map(int, os.listdir("/proc/self/fd")))[:-1],
    "streams": [os.readlink(f"/proc/self/fd/{number}")[:9].rstrip("[") for number in range(3)],
    "session": os.getsid(0) == os.getpid() == os.getpgrp(), "parent": os.getppid(),
    "terminal": text("stat").rpartition(")")[2].split()[4],
    "threads": [os.listdir("/proc/self/task") == [str(os.getpid())], threading.active_count()],
    "thread": [threading.get_native_id() == os.getpid(), threading.current_thread() is threading.main_thread()],
    "garbage": [gc.isenabled(), gc.get_threshold()],
    "surroundings": [text(name) for name in ("limits", "cgroup", "oom_score_adj", "mountinfo")],
}
for name in ("environment", "command line"):  # behind them a copy has room
    facts[name] = facts[name].rstrip(chr(0)).split(chr(0))
print(json.dumps(facts))
sys.stderr.write("an unfinished line")
atexit.register(print, "at the end")
sys.exit(int(sys.argv[1]))
"""
"""A program in the place of `eas-host` that prints what it finds, on a line of its own, and ends with a code."""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "facts"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{FACTS}")
    path.chmod(0o755)
    return path


@pytest.fixture
def copies(program: Path) -> Iterator[HostStarts]:
    """Makes copies of *program*."""
    made = HostStarts()
    made.begin(program, clean_environment())
    yield made
    made.end()


def outputs(copies: HostStarts, program: Path, *words: str, **variables: str) -> tuple[int, str, str]:
    """Its exit code, and what it writes to both streams."""
    environment = clean_environment() | variables
    with HostProcess([str(program), *words], program.parent, environment, text=True, starts=copies) as process:
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    return process.returncode, stdout, stderr


def facts(copies: HostStarts, program: Path, **variables: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outputs(copies, program, "0", **variables)[1].splitlines()[1])
    return found


@pytest.mark.parametrize("is_copy", [False, True], ids=["started", "copy"])
def test_end_of_a_host_is_known(program: Path, copies: HostStarts, is_copy: bool) -> None:
    """It is a child of the process that asked for it, which gets its exit code, and all of its output."""
    copies.real = not is_copy
    code, stdout, stderr = outputs(copies, program, "7")
    assert (code, stderr.splitlines()[-1]) == (7, "an unfinished line")
    assert stdout.splitlines()[-1] == "at the end"


def test_copy_finds_what_a_started_host_finds(program: Path, copies: HostStarts) -> None:
    """Its arguments, variables, files, signals, session, limits, and all else that Python and the system say of it."""
    copies.real = True
    started = facts(copies, program, SOME="thing")
    copies.real = False
    copy = facts(copies, program, SOME="thing")
    assert copies.made == 1
    assert started.keys() == copy.keys()
    for name, value in started.items():
        assert copy[name] == value, name


@pytest.mark.parametrize("name", ["PATH", "PYTHONUTF8", "LD_PRELOAD", "LANG", "MALLOC_ARENA_MAX", "TZ"])
def test_host_is_started_where_a_variable_counts_at_its_start(program: Path, copies: HostStarts, name: str) -> None:
    copies.real = False
    outputs(copies, program, "0", **{name: "" if name == "LD_PRELOAD" else "1"})
    assert copies.made == 0


def test_host_is_started_where_its_surroundings_are_others(program: Path, copies: HostStarts) -> None:
    """They are those of the process that starts it, such as its umask; a copy would have those of the server."""
    copies.real = False
    before = os.umask(0o077)
    try:
        assert facts(copies, program)["umask"].strip() == "0077"
    finally:
        os.umask(before)
    assert copies.made == 0
    assert facts(copies, program)["umask"].strip() != "0077"
    assert copies.made == 1


def test_copy_that_is_killed_ends_by_the_signal(program: Path, copies: HostStarts) -> None:
    program.write_text(f"#!{sys.executable}\nprint('runs', flush=True)\nwhile True:\n    pass\n")
    copies.real = False
    with HostProcess([str(program)], program.parent, clean_environment(), starts=copies) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    assert copies.made == 1
