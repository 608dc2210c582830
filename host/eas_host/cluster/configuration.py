"""
What the pods are configured with: the description, and the token. Neither ever changes, since its name has its hash.
"""

from __future__ import annotations

import base64
from typing import Any

from eas_host.cluster.cluster_service import ClusterService

DESCRIPTION: str = "service.json"
TOKEN: str = "token"  # noqa: S105  the name of a file


def config_map(service: ClusterService) -> dict[str, Any]:
    """
    The ConfigMap with the description.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": service.names.metadata(service.config_map),
        "immutable": True,
        "data": {DESCRIPTION: service.text},
    }


def secret(service: ClusterService) -> dict[str, Any]:
    """
    The Secret with the token, which there must be.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": service.names.metadata(service.secret),
        "immutable": True,
        "type": "Opaque",
        "data": {TOKEN: base64.b64encode((service.token or "").encode()).decode()},
    }


def service_account(service: ClusterService) -> dict[str, Any]:
    """
    The ServiceAccount of the pods. They have nothing to ask the cluster for, and get no token for it.
    """
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": service.names.metadata(),
        "automountServiceAccountToken": False,
    }
