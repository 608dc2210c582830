"""
Hosts under a limit of their shell's.
"""

from __future__ import annotations

import pytest

from support import host


def set_for_hosts(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Has every host that the test starts run under `ulimit LIMIT`, soft and hard."""
    command = ["bash", "-c", f'ulimit {limit} && exec "$@"', "bash", *host.program()]
    monkeypatch.setattr(host, "program", lambda: command)
