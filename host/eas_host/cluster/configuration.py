"""
What the pods are configured with: the description, which never changes, since its name has its hash, and the token,
which may be replaced while they run.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Final

from eas_host.cluster.cluster_service import ClusterService
from eas_host.config.token_file import OlderToken, write_tokens

DESCRIPTION: Final = "service.json"
TOKEN: Final = "token"  # noqa: S105  a key
"""What clients are to send: for who mounts the Secret elsewhere, and for Prometheus."""
TOKENS: Final = "tokens"
"""The file of the hosts: that token, and older ones (`config.token_file`)."""


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
    The Secret with the token, which there must be. A pod sees another one within two minutes or so: an immutable Secret
    is read once.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": service.names.metadata(service.secret),
        "type": "Opaque",
        "data": secret_data(service.token or "", service.older_tokens),
    }


def secret_data(token: str, older: Iterable[OlderToken] = ()) -> dict[str, str]:
    """
    What the Secret holds: *token*, and with *older* ones the file of the hosts.
    """
    content = {TOKEN: token, TOKENS: write_tokens(token, older)}
    return {key: base64.b64encode(text.encode()).decode() for key, text in content.items()}


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
