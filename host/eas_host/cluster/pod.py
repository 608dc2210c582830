"""
The pods of a service: one container, in which a host serves the description. Before it starts, another one makes the
folder that the host may trust with its cache.
"""

from __future__ import annotations

import math
from typing import Any, Final

from eas_host.cluster.cluster_service import HTTP, PORT, ClusterService
from eas_host.cluster.configuration import DESCRIPTION, TOKENS
from eas_host.cluster.local_files import FOLDER
from eas_host.cluster.pod_volumes import CACHE, CACHE_VOLUME, OWN_FOLDER, TOKEN_FOLDER, volumes

STARTUP_SECONDS: Final = 600
"""How long a pod may take until it takes requests: downloads and the loading of the model included."""
CREDENTIALS: Final = "eas-storage"
"""The Secret with the variables that OSS and S3 are reached with; without it, files there must be public."""

_PRE_STOP_SECONDS: Final = 5
"""How long a pod that is to end goes on serving: 40 of 2,800 requests were lost without, and none of 3,000 with it."""
_STOP_MARGIN_SECONDS: Final = 10
"""From the end of the grace period to SIGKILL: a host that has to kill its workers needs a second or two."""
_PROBE_TIMEOUT_SECONDS: Final = 2
"""With Kubernetes's default, 1, busy machines have had healthy pods taken out."""
_USER: Final = 10001
"""The user of the image, which may be any that is not root."""
_SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_OBJECT_STORES: Final = ("oss://", "s3://")


def pod_template(service: ClusterService) -> dict[str, Any]:
    """
    The template of the pods.
    """
    made, mounts = volumes(service)
    return {
        "metadata": {
            "labels": service.names.labels,
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(PORT),
                "prometheus.io/path": "/api/builtin/metrics",
            },
        },
        "spec": {
            "serviceAccountName": service.names.base,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _termination_seconds(service),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": service.settings.spread_over,
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": service.names.selector},
                    "matchLabelKeys": ["pod-template-hash"],  # each version by itself
                }
            ],
            "initContainers": [_own_folder(service)],
            "containers": [_container(service, mounts)],
            "volumes": made,
        },
    }


def _own_folder(service: ClusterService) -> dict[str, Any]:
    """
    The container that makes the folder for the cache, as the user of the host, who alone may write to it then.
    """
    resources = _resources(service)
    return {
        "name": "own-folder",
        "image": service.image,
        "command": ["mkdir", "-p", "-m", "700", f"{CACHE}/{OWN_FOLDER}"],
        **({"resources": resources} if resources else {}),
        "securityContext": _SECURITY,
        "volumeMounts": [{"name": CACHE_VOLUME, "mountPath": CACHE}],
    }


def _container(service: ClusterService, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    needs_credentials = any(url.lower().startswith(_OBJECT_STORES) for url in service.urls)
    resources = _resources(service)
    return {
        "name": "host",
        "image": service.image,
        "args": _arguments(service),
        **({"envFrom": [{"secretRef": {"name": CREDENTIALS, "optional": True}}]} if needs_credentials else {}),
        "ports": [{"name": HTTP, "containerPort": PORT}],
        **({"resources": resources} if resources else {}),
        "startupProbe": _probe("ping?ready=true", 2, STARTUP_SECONDS // 2),
        "readinessProbe": _probe("ping?ready=true", 2, 2),
        "livenessProbe": _probe("ping", 10, 3, timeout=5),
        "lifecycle": {"preStop": {"sleep": {"seconds": _PRE_STOP_SECONDS}}},
        "securityContext": _SECURITY,
        "volumeMounts": mounts,
    }


def _arguments(service: ClusterService) -> list[str]:
    words = ["serve", f"{FOLDER}/{DESCRIPTION}", "--listen", f"0.0.0.0:{PORT}", "--cache", CACHE]
    if service.token is not None:
        words += ["--token", f"@{TOKEN_FOLDER}/{TOKENS}"]
    if not any(word.startswith("--log-format=") for word in service.options):
        words += ["--log-format", "json"]
    # Kubernetes replaces $(NAME) in arguments, and takes $$ for a $.
    return [*words, *(word.replace("$", "$$") for word in service.options)]


def _resources(service: ClusterService) -> dict[str, Any]:
    """
    What a pod gets is what it asks for, as in EAS: no more, and no less.
    """
    settings = service.settings
    amounts: dict[str, Any] = {
        "cpu": settings.cpu,
        "memory": settings.memory,
        "ephemeral-storage": settings.disk,
        "nvidia.com/gpu": str(settings.gpu) if settings.gpu else "",
    }
    amounts = {name: amount for name, amount in amounts.items() if amount}
    return {"requests": amounts, "limits": dict(amounts)} if amounts else {}


def _probe(handler: str, period: int, failures: int, timeout: int = _PROBE_TIMEOUT_SECONDS) -> dict[str, Any]:
    return {
        "httpGet": {"path": f"/api/builtin/{handler}", "port": HTTP},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _termination_seconds(service: ClusterService) -> int:
    """
    From the beginning of the end to SIGKILL: `preStop` counts, too.
    """
    return _PRE_STOP_SECONDS + math.ceil(service.grace_period) + _STOP_MARGIN_SECONDS
