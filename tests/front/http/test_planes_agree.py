"""
A stream of bytes is the same requests on each data plane, wherever it is cut, and whatever its bodies look like.
"""

from __future__ import annotations

import pytest

from support import seeded_rng
from support.host import StartHost
from support.streams import random_stream

STREAMS = 100  # of each seed


@pytest.mark.parametrize("seed", range(3))
def test_streams_are_the_same_requests_on_each_plane(start: StartHost, seed: int) -> None:
    rng = seeded_rng(seed)
    hosts = [start(data_plane=plane, keepalive=90_000) for plane in ("native", "uvloop")]  # also on a busy machine
    for _ in range(STREAMS):
        stream = random_stream(rng)
        native, uvloop = (stream.answers(host) for host in hosts)
        if native is not None and uvloop is not None:
            assert native == uvloop, stream
