"""
The network of pods, for tests that are the kubelet: a way to the API server on which the test answers for pods. What
the real server would pass on to a pod, through its proxy, goes to the host that stands in for that pod.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from support import TIMEOUT
from support.kubernetes import ControlPlane
from support.wire import Address

if TYPE_CHECKING:
    from typing_extensions import Self

_PROXY = re.compile(r"/api/v1/namespaces/[^/]+/pods/(?P<pod>[^/:]+):8080/proxy(?P<path>/.*)")

HTTP_ROUTES = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "httproutes.gateway.networking.k8s.io",
        # Without this note the server refuses names that end in k8s.io.
        "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/2466"},
    },
    "spec": {
        "group": "gateway.networking.k8s.io",
        "names": {"kind": "HTTPRoute", "plural": "httproutes", "singular": "httproute"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "parentRefs": {
                                        "type": "array",
                                        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    },
                                    "rules": {
                                        "type": "array",
                                        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}
"""The kind HTTPRoute with as much of a schema as decides how fields are owned: its lists are owned as a whole."""


class PodNetwork:
    """
    `with PodNetwork(plane, folder) as network: network.hosts["pod-1"] = host.address`.

    Attributes:
        hosts: the hosts that stand in for pods, by the names of these.
        kubeconfig: of the way to the API server.
    """

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.hosts: dict[str, Address] = {}
        content = json.loads(plane.kubeconfig.read_text(encoding="utf-8"))
        cluster = content["clusters"][0]["cluster"]
        self._server: str = cluster.pop("server")
        context = ssl.create_default_context(cafile=cluster.pop("certificate-authority"))
        context.check_hostname = False
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._listener.serve_forever)
        cluster["server"] = f"http://127.0.0.1:{self._listener.server_port}"
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(content), encoding="utf-8")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        network = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {
                    name: value for name, value in self.headers.items() if name not in ("Host", "Content-Length")
                }
                status, kind, text = network.ask(self.command, self.path, headers, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  as the base class calls them

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """The answer to a request: its status, its type and its body."""
        url = self._server + path
        if found := _PROXY.fullmatch(path):
            if found["pod"] not in self.hosts:
                return 503, "text/plain", b"nobody answers"
            host, port = self.hosts[found["pod"]]
            url = f"http://{host}:{port}{found['path']}"
            # The API server takes it for its own, and passes it on to no pod.
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        asked = urllib.request.Request(url, data=body or None, method=method, headers=headers)  # noqa: S310  no file
        try:
            with self._opener.open(asked, timeout=TIMEOUT) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read()


def add_http_routes(plane: ControlPlane) -> None:
    """Has a cluster know HTTPRoutes."""
    plane.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", HTTP_ROUTES)
    plane.wait_for(lambda: plane.request("GET", "/apis/gateway.networking.k8s.io/v1/httproutes"))
