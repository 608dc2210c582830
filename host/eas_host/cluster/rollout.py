"""
How many pods there are, and how they are replaced: Deployment, PodDisruptionBudget, HorizontalPodAutoscaler.
"""

from __future__ import annotations

from typing import Any, Final

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.cluster_settings import Autoscaling
from eas_host.cluster.pod import STARTUP_SECONDS, pod_template

QPS_METRIC: Final = "eas_requests_per_second"
"""The metric of pods by which `autoscaler.strategies.qps` scales; an adapter makes it of the host's own metrics."""
_REVISIONS: Final = 10
_PROGRESS_MARGIN_SECONDS: Final = 60
_SCALING_PERIOD_SECONDS: Final = 15
"""How often the controller decides, by default."""


def deployment(service: ClusterService) -> dict[str, Any]:
    """
    The Deployment. With autoscaling it has no number of pods, or each `kubectl apply` would set it back.
    """
    settings = service.settings
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": service.names.metadata(),
        "spec": {
            **({} if settings.autoscaling else {"replicas": settings.replicas}),
            "revisionHistoryLimit": _REVISIONS,
            "progressDeadlineSeconds": STARTUP_SECONDS + _PROGRESS_MARGIN_SECONDS,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": settings.max_surge, "maxUnavailable": settings.max_unavailable},
            },
            "selector": {"matchLabels": service.names.selector},
            "template": pod_template(service),
        },
    }


def disruption_budget(service: ClusterService) -> dict[str, Any]:
    """
    The PodDisruptionBudget: who drains a node takes one pod at a time, and any that does not work.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": service.names.metadata(),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": service.names.selector},
        },
    }


def autoscaler(service: ClusterService, wanted: Autoscaling) -> dict[str, Any]:
    """
    The HorizontalPodAutoscaler. Like EAS's, it goes up to the number that it needs at once.
    """
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": service.names.metadata(),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.names.base},
            "minReplicas": wanted.least,
            "maxReplicas": wanted.most,
            "metrics": _metrics(wanted),
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": wanted.up_window,
                    "policies": [
                        {"type": "Pods", "value": wanted.most, "periodSeconds": _SCALING_PERIOD_SECONDS},
                    ],
                },
                "scaleDown": {"stabilizationWindowSeconds": wanted.down_window},
            },
        },
    }


def _metrics(wanted: Autoscaling) -> list[dict[str, Any]]:
    metrics: list[dict[str, Any]] = []
    if wanted.cpu is not None:
        target = {"type": "Utilization", "averageUtilization": wanted.cpu}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    for name, amount in (*([(QPS_METRIC, wanted.qps)] if wanted.qps else []), *wanted.custom):
        average = {"type": "AverageValue", "averageValue": amount}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": name}, "target": average}})
    return metrics
