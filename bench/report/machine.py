"""
Where it was measured: the machine and the versions that decide how fast it is.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from servers.tools import ROOT, BenchError, tool

_PACKAGES: Final = ("uvloop", "httptools")
_TOOLS: Final = (
    ("nginx", ("nginx", "-v"), r"nginx/(\S+)"),
    ("wrk", ("wrk", "-v"), r"wrk (?:debian/)?(\S+)"),
    ("java", ("java", "-version"), r'version "([^"]+)"'),
    ("g++", ("g++", "--version"), r"(\d+\.\d+\.\d+)"),
)
_BUSY: Final = 0.25
"""Of all cores, on average over the last minute. Processes that share a core evict each other's caches."""


def describe_machine() -> dict[str, Any]:
    """
    Return the machine, the commit and the date.
    """
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    return {
        "date": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "commit": _output(("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*")).strip(),
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": cores,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "versions": _versions(),
        "load": round(os.getloadavg()[0], 2),
        "busy": os.getloadavg()[0] > _BUSY * cores,
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    found |= {package: importlib.metadata.version(package) for package in _PACKAGES}
    for name, command, pattern in _TOOLS:
        match = re.search(pattern, _output(command))
        if match:
            found[name] = match[1]
    return found


def _output(command: Sequence[str]) -> str:
    """
    Return what *command* prints, whatever its exit code; nothing if there is no such program.
    """
    try:
        words = [tool(command[0]), *command[1:]]
    except BenchError:
        return ""
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
