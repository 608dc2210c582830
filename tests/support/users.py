"""
Other users of the machine, which only root can be in turn.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import host
from support.build import ROOT, need

NOBODY = 65534  # a number that every system has; what runs under it cannot touch anybody's files
STRANGER = 54321  # one without an entry in /etc/passwd


def need_root() -> None:
    """Without root the test is skipped, which is a failure where CI says so (see conftest.py)."""
    if os.geteuid() != 0:
        pytest.skip("only root can run programs as other users")


def run_as(user: int, action: Callable[[], None]) -> None:
    """
    Does *action* as *user*, who has no other rights. A fork, since not everybody may reach this interpreter.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.umask(0o022)
            action()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    """This process is *user* for the file system, and all else that asks for the effective one."""
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="eas-public-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def public_host(public: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    Has `Host` start a host whose workers can be other users; see `publish`.

    Returns:
        Its Python.
    """
    return publish(public, monkeypatch)


def publish(public: Path, monkeypatch: pytest.MonkeyPatch, *before: str, other: str = "") -> Path:
    """
    Has `Host` start a host that other users can run, wherever this tree and its Python lie: in mounts of its own the
    host has them in the folder *public*; there is also the Python whose prefix is *other*, in `by/other`. The command
    *before* starts it there.
    """
    need_root()
    mounts = {"python": sys.base_prefix, "packages": sysconfig.get_path("purelib"), "host": str(ROOT / "host")}
    if other:
        mounts["other"] = other
    for name in mounts:
        (public / "by" / name).mkdir(parents=True)
    lines = [f"mount --bind '{source}' '{public}/by/{name}'" for name, source in mounts.items()]
    python = public / "by" / "python" / "bin" / Path(os.path.realpath(sys.executable)).name
    settings = {
        "LD_LIBRARY_PATH": f"{public}/by/python/lib:{public}/by/other/lib",
        "PYTHONPATH": f"{public}/by/host:{public}/by/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    words = [*before, "env", *(f"{name}={value}" for name, value in settings.items())]
    lines.append(f'exec {" ".join(words)} "$@"')
    command = [need("unshare"), "--mount", need("sh"), "-ec", "\n".join(lines), "sh", str(python), "-m", "eas_host"]
    monkeypatch.setattr(host, "program", lambda: command)
    return python


def copy(source: Path, folder: Path) -> Path:
    """A copy of the file *source* in *folder* that everybody may read."""
    folder.mkdir(exist_ok=True)
    target = Path(shutil.copy(source, folder))
    target.chmod(0o755)
    return target
