"""
The venvs of other hosts: one for each, under build/peers, made when it is first wanted and kept.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Final

from servers.tools import ROOT, run

_FOLDER: Final = ROOT / "build" / "peers"


def venv_program(name: str, program: str = "python") -> str:
    """
    Return the path of *program* in the venv *name*.
    """
    return str(_FOLDER / name / "bin" / program)


@cache
def install(name: str, *requirements: str) -> None:
    """
    Make the venv *name*, unless it is there and holds these *requirements*.

    Raises:
        BenchError: they cannot be installed.
    """
    kept = _FOLDER / name / "requirements.txt"
    wanted = "".join(f"{one}\n" for one in requirements)
    if _content(kept) == wanted:
        return
    print(f"bench: installing {', '.join(requirements)} into build/peers/{name}", file=sys.stderr)
    run(sys.executable, "-m", "venv", "--clear", _FOLDER / name)
    run(venv_program(name), "-m", "pip", "install", "-q", *requirements)
    kept.write_text(wanted, encoding="utf-8")


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
