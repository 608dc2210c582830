"""
What the Python echo is compared with: mosec and LitServe, the two hosts of Python processors nearest to this one.

They stand in a venv of their own, in pinned versions, which is made when one of their rows is first wanted. Each is set
up as is best for it with this echo, tried on two cores: no JSON, no access log, the processes that the load can use.
mosec has two rows. One runs requests one by one, as the other hosts do; the other in batches, which a processor must
be written for, and which wait at least a millisecond to be filled: better than one by one at many connections, far
worse at one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from servers import BENCH, Row, free_port, run

_VENV: Final = BENCH.parent / "build" / "bench-venv"
_PYTHON: Final = _VENV / "bin" / "python"
_SOURCES: Final = BENCH / "peers"
_BATCH: Final = 32
_PLENTY: Final = 1 << 30  # bytes of a body: as much as --body may ask for


def peers(connections: int) -> list[Row]:
    """
    Describe the servers for a load of so many *connections*.
    """
    processes = min(connections, os.cpu_count() or 1)
    return [
        _mosec("mosec, python, one by one", processes, 1),
        _mosec(f"mosec, python, batches of {_BATCH}", 1, _BATCH),
        _litserve("LitServe, python", processes),
    ]


def _mosec(name: str, workers: int, batch: int) -> Row:
    port = free_port()
    command = [str(_PYTHON), str(_SOURCES / "mosec_echo.py"), str(workers), str(batch)]
    command += ["--address", "127.0.0.1", "--port", str(port)]
    command += ["--log-level", "error", "--max-request-size", str(_PLENTY)]
    return Row(name, command, port, path="/inference", prepare=install)


def _litserve(name: str, api_servers: int) -> Row:
    port = free_port()
    command = [str(_PYTHON), str(_SOURCES / "litserve_echo.py"), str(port), str(api_servers)]
    return Row(name, command, port, path="/predict", prepare=install)


def install() -> None:
    """
    Make the venv, unless it is there and holds the pinned versions.
    """
    wanted = _SOURCES / "requirements.txt"
    installed = _VENV / wanted.name
    if _same(wanted, installed):
        return
    print("bench: installing mosec and LitServe into build/bench-venv", file=sys.stderr)
    run(sys.executable, "-m", "venv", "--clear", _VENV)
    run(_PYTHON, "-m", "pip", "install", "-q", "-r", wanted)
    installed.write_text(wanted.read_text())


def _same(one: Path, other: Path) -> bool:
    return other.exists() and other.read_text() == one.read_text()
