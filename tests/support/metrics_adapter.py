"""
A program: what an adapter such as prometheus-adapter does in a cluster, without Prometheus. It offers one metric of
pods, requests a second, from what their own /api/builtin/metrics say: metrics_adapter.py ADDRESS PORT CERT KEY TOKEN.

It runs in the node, with KUBECONFIG, and prints a line when it listens. The API server asks it for whoever scales.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import time
import urllib.request
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from eas_host.cluster.rollout import QPS_METRIC
from eas_host.management.lightkube_client import open_cluster

GROUP = "custom.metrics.k8s.io/v1beta2"
ASKED = re.compile(rf"/apis/{GROUP}/namespaces/(?P<namespace>[^/]+)/pods/[^/]+/{QPS_METRIC}")
WINDOW = 3.0
"""Seconds over which requests are counted at least."""

last: dict[str, tuple[float, float, float]] = {}
"""By the uid of a pod: when it was asked, how many requests it had answered, and the rate until then."""
token = ""


def requests_of(address: str) -> float:
    asked = urllib.request.Request(f"http://{address}:8080/api/builtin/metrics", headers={"Authorization": token})
    with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310
        text = answer.read().decode()
    return sum(float(one) for one in re.findall(r"^eas_host_requests_total\S* (\S+)$", text, re.MULTILINE))


def rate_of(pod: dict[str, Any]) -> float:
    now, number, uid = time.monotonic(), requests_of(pod["status"]["podIP"]), pod["metadata"]["uid"]
    then, before, rate = last.get(uid, (now, number, 0.0))
    if uid not in last or now - then >= WINDOW:
        rate = (number - before) / (now - then) if now > then else 0.0
        last[uid] = (now, number, rate)
    return rate


def values_of(namespace: str, labels: dict[str, str]) -> Any:  # noqa: ANN401  JSON
    for pod in open_cluster(namespace=namespace).find("Pod", labels):
        if pod.get("status", {}).get("phase") != "Running" or "deletionTimestamp" in pod["metadata"]:
            continue
        try:
            rate = rate_of(pod)
        except OSError:  # it does not listen yet, or any more
            continue
        yield {
            "describedObject": {"kind": "Pod", "namespace": namespace, "name": pod["metadata"]["name"]},
            "metric": {"name": QPS_METRIC},
            "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "value": f"{int(rate * 1000)}m",
        }


class Adapter(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body: dict[str, Any]
        if found := ASKED.fullmatch(url.path):
            selector = parse_qs(url.query).get("labelSelector", [""])[0]
            labels = dict(one.split("=", 1) for one in selector.split(",") if one)
            items = list(values_of(found["namespace"], labels))
            body = {"kind": "MetricValueList", "apiVersion": GROUP, "metadata": {}, "items": items}
        else:
            resource = {"name": f"pods/{QPS_METRIC}", "namespaced": True, "kind": "MetricValueList", "verbs": ["get"]}
            body = {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": GROUP,
                "resources": [{**resource, "singularName": ""}],
            }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def main(address: str, port: str, certificate: str, key: str) -> None:
    server = ThreadingHTTPServer((address, int(port)), Adapter)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("listens", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    token = sys.argv.pop()
    main(*sys.argv[1:])
