"""
Hosts with each data plane, and requests on connections whose heads are known.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from support.host import Host
from support.wire import Client, request

PLANES = ("native", "python", "uvloop")
METRIC = "eas_host_direct_requests_total"
PROP = "/api/builtin/prop"

StartPlane = Callable[..., Host]
Known = Callable[[Host], Client]


def ask(client: Client, body: bytes) -> Client:
    return client.send(request(body=body))


def direct(host: Host, token: str | None = None) -> int:
    """How many requests the data plane has answered so far."""
    headers = [("Authorization", token)] if token else []
    with host.connect() as client:
        text = client.send(request("GET", "/api/builtin/metrics", headers=headers)).read("GET").text
    (value,) = [line.split()[1] for line in text.splitlines() if line.startswith(METRIC)]
    return int(float(value))


def put(host: Host, name: str, value: str) -> None:
    """Changes a property."""
    assert host.call(json.dumps({name: value}).encode(), PROP).status == 200
