"""
Where the benchmark's files are, and the programs that it needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

BENCH: Final = Path(__file__).resolve().parents[1]
ROOT: Final = BENCH.parent
BUILD: Final = ROOT / "build" / "bench"
TOKEN: Final = "bench"  # noqa: S105  no secret


class BenchError(Exception):
    """
    The benchmark cannot be run; the text says what to do.
    """


def tool(name: str) -> str:
    """
    Find the program *name*, also where a user's PATH does not look.
    """
    for folder in [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin"]:
        path = Path(folder) / name
        if os.access(path, os.X_OK):
            return str(path)
    raise BenchError(f"{name} is not installed: scripts/bootstrap.sh bench installs what the benchmark needs")


def run(*command: str | Path) -> str:
    """
    Run *command* and return what it prints.
    """
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def progress(text: str) -> None:
    """
    Show what happens now, in place of what was shown before; "" clears it.
    """
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
