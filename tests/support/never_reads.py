"""
A client that asks for much and reads nothing of it, for as long as all tests run.
"""

from __future__ import annotations

from typing import NamedTuple

from support.host import Host
from support.wire import Client


class NeverReads(NamedTuple):
    """A client that reads nothing of its answer, its host, and how many descriptors that had before."""

    host: Host
    client: Client
    descriptors: int
