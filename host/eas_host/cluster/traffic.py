"""
How requests reach the pods: Service, HTTPRoute, NetworkPolicy.
"""

from __future__ import annotations

import math
from typing import Any, Final
from urllib.parse import quote, urlsplit

from eas_host.cluster.cluster_service import HTTP, ClusterService
from eas_host.errors import ConfigError

SERVICE_PORT: Final = 80
_ROUTE_MARGIN_SECONDS: Final = 5
"""By how much a gateway waits longer than the host, so that clients get the host's 408, which says why."""
_SAFE: Final = "-._~!$&'()*+,;=:@"
"""What a segment of a path has as it is, in the Gateway API."""
_LONGEST_PATH: Final = 1024
"""Characters that the Gateway API allows."""
_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_DNS: Final = 53
_PORTS: Final = {"http": 80}
"""The ports of schemes; the others are reached by HTTPS."""
_HTTPS: Final = 443


def cluster_ip(service: ClusterService) -> dict[str, Any]:
    """
    The Service, which gives the pods one address in the cluster.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": service.names.metadata(),
        "spec": {
            "type": "ClusterIP",
            "selector": service.names.selector,
            "ports": [{"name": HTTP, "port": SERVICE_PORT, "targetPort": HTTP}],
        },
    }


def route(service: ClusterService) -> dict[str, Any]:
    """
    The HTTPRoute from a Gateway, which there must be, to the Service.

    Raises:
        ConfigError: the name of the service is too long.
    """
    path = f"/api/predict/{quote(service.names.service, safe=_SAFE)}"
    if len(path) > _LONGEST_PATH:
        raise ConfigError(
            f"name: {service.names.service[:20]}... has a path of {len(path)} characters; a route takes {_LONGEST_PATH}"
        )
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": service.names.metadata(),
        "spec": {
            "parentRefs": [_parent(service)],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": path}}],
                    "timeouts": {"request": f"{route_seconds(service)}s"},
                    "backendRefs": [{"name": service.names.base, "port": SERVICE_PORT}],
                }
            ],
        },
    }


def route_seconds(service: ClusterService) -> int:
    """
    Return how long a route waits for an answer.
    """
    return math.ceil(service.keepalive / 1000) + _ROUTE_MARGIN_SECONDS


def network_policy(service: ClusterService) -> dict[str, Any]:
    """
    The NetworkPolicy: requests come from this namespace and from that of the Gateway; the pods ask DNS, and whatever
    answers on the ports of the URLs that they fetch files from.
    """
    sources: list[dict[str, Any]] = [{"podSelector": {}}]
    if namespace := service.gateway.rpartition("/")[0]:
        sources.append({"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}}})
    egress: list[dict[str, Any]] = [{"ports": [{"protocol": name, "port": _DNS} for name in ("UDP", "TCP")]}]
    ports = {_port(url) for url in service.urls} | ({_HTTPS} if service.installs else set())
    if ports:
        egress.append({"ports": [{"protocol": "TCP", "port": port} for port in sorted(ports)]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": service.names.metadata(),
        "spec": {
            "podSelector": {"matchLabels": service.names.selector},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": sources, "ports": [{"protocol": "TCP", "port": HTTP}]}],
            "egress": egress,
        },
    }


def _parent(service: ClusterService) -> dict[str, str]:
    namespace, _, name = service.gateway.rpartition("/")
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _port(url: str) -> int:
    try:
        parts = urlsplit(url)
        return parts.port or _PORTS.get(parts.scheme.lower(), _HTTPS)
    except ValueError:  # no port, or brackets around no address: the host will say so
        return _HTTPS
