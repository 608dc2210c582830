"""
Python environments as packages bring them: a real venv in a folder called ENV, without pip, which takes 50 ms.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from eas_host.python_env import link

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def make_env(
    folder: Path,
    *,
    linked: bool = False,
    modules: dict[str, str] | None = None,
    interpreter: str = sys.executable,
    copies: bool = False,
) -> Path:
    """
    Makes ENV of *interpreter* in *folder*, with *modules* (a file's name and its text) installed in it, linked to the
    host or not. Its Python is a link, or a copy.
    """
    env = folder / "ENV"
    options = ["--without-pip", *(["--copies"] if copies else [])]
    subprocess.run([interpreter, "-I", "-m", "venv", *options, env], check=True)
    (site,) = env.glob("lib/python3.*/site-packages")
    if linked:
        link.write(site)
    for name, text in (modules or {}).items():
        (site / name).write_text(text, encoding="utf-8")
    return env


def python(env: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Runs *code* with the Python of *env*."""
    return subprocess.run([env / "bin" / "python", "-c", code], capture_output=True, text=True, check=False)


def script(path: Path, text: str) -> Path:
    """A shell script that can be executed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
