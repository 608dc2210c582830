"""
How many wake-ups a request costs the host: of a thread that takes it, and of the front for its answer. Each is a call
of the kernel and a context switch. The host counts them itself; the others of the table do not.
"""

from __future__ import annotations

import urllib.request
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from servers.server import Running
from servers.tools import TOKEN


class Counted(NamedTuple):
    """
    What a server has counted since its start: requests answered, and wake-ups in either direction.
    """

    requests: float
    wake_ups: float


def read(server: Running) -> Counted | None:
    """
    Read the counters of *server*; None if it has none.
    """
    if not server.recipe.metrics:
        return None
    address = f"http://127.0.0.1:{server.port}{server.recipe.metrics}"
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Authorization": TOKEN}), timeout=5) as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    requests, of_threads, of_front = (
        sum(sample.value for sample in families[f"eas_host_{name}"].samples if sample.name.endswith("_total"))
        for name in ("requests", "thread_wakeups", "front_wakeups")
    )
    return Counted(requests, of_threads + of_front)


def for_each_request(before: Counted | None, after: Counted | None) -> dict[str, float]:
    """
    Return a sample of the wake-ups for each request between two readings; an empty one if there are none.
    """
    if before is None or after is None or after.requests == before.requests:
        return {}
    return {"wake_ups": (after.wake_ups - before.wake_ups) / (after.requests - before.requests)}
