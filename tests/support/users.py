"""
Other users of the machine, which only root can be in turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

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
