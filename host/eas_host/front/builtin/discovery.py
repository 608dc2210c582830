"""
Where a service's instances are, for clients that call them directly.

Newer Python clients ask the first path of `PREFIXES`, all others the second, which is the documented one; none sends a
token (docs/eas-compatibility.md, section 6.4). There is one instance here, at the address that the client has called.
"""

from __future__ import annotations

import json
from typing import Final

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.builtin.handler import JSON, READING

PREFIXES: Final = (
    b"/api/v1/servicediscovery/upstreams/",
    b"/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/",
)
_WEIGHT: Final = 100


class Discovery:
    """
    Answers with the one instance there is: the local end of the client's own connection.
    """

    public = True
    methods = READING
    max_body = 0
    forwards_body = False

    def __call__(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer with `{"endpoints": {"items": [{"ip", "port", "weight"}]}}`.
        """
        host, port = exchange.responder.socket_address("sockname") or ("", 0)
        # Clients join it with the port to the start of a URL, where an IPv6 address needs brackets.
        ip = f"[{host}]" if ":" in host else host
        items = [{"ip": ip, "port": port, "weight": _WEIGHT}]
        return Response(200, json.dumps({"endpoints": {"items": items}}).encode() + b"\n", JSON)
