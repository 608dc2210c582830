"""
The autoscaler of a service: what its HorizontalPodAutoscaler says, in the words of EAS's descriptions.

Like the number of instances it belongs to the service and not to a version: the object in the cluster alone says what
there is, whichever version runs. So `autoscale`, `modify` and `version` begin with what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.cluster_settings import Autoscaling
from eas_host.cluster.rollout import QPS_METRIC, autoscaler
from eas_host.management.change_guard import ChangeGuard
from eas_host.management.kubernetes_api import KubernetesApi, NotAllowed
from eas_host.management.stored_service import labels_of

KIND: Final = "HorizontalPodAutoscaler"
_DOWN_WINDOW: Final = 300
"""Seconds: EAS's default, and that of Kubernetes."""
_UNITS: Final = {
    **{
        unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}
"""All those of Kubernetes's quantities: a cluster writes 1.5 as `1500m`, and 2000 as `2k`."""
_QUANTITY: Final = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)([A-Za-z]*)")
"""A number and its unit; `3E` has a unit, and `3E2` an exponent."""
_CPU: Final = "cpu"


@dataclass(frozen=True)
class StoredAutoscaler:
    """
    An autoscaler, as a cluster has it.

    Attributes:
        scaler: its HorizontalPodAutoscaler.
    """

    scaler: Mapping[str, Any]

    @property
    def least(self) -> int:
        """
        The fewest instances.
        """
        return int(self.scaler["spec"].get("minReplicas", 1))

    @property
    def most(self) -> int:
        """
        The most instances.
        """
        return int(self.scaler["spec"]["maxReplicas"])

    @property
    def keys(self) -> dict[str, Any]:
        """
        What the object `autoscaler` of a description has, flat: `strategies.qps` and others. Defaults are left out.
        """
        behavior = self.scaler["spec"].get("behavior") or {}
        up = (behavior.get("scaleUp") or {}).get("stabilizationWindowSeconds") or 0
        down = (behavior.get("scaleDown") or {}).get("stabilizationWindowSeconds", _DOWN_WINDOW)
        return {
            "min": self.least,
            "max": self.most,
            **{f"strategies.{name}": target for name, target in self.targets.items()},
            **({"behavior.scaleUp.stabilizationWindowSeconds": up} if up else {}),
            **({"behavior.scaleDown.stabilizationWindowSeconds": down} if down != _DOWN_WINDOW else {}),
        }

    @property
    def description(self) -> dict[str, Any]:
        """
        The object `autoscaler` of a description.
        """
        return nested(self.keys)

    @property
    def targets(self) -> dict[str, int | float]:
        """
        What each metric is to be in an instance, on average, by the names of `strategies`.
        """
        return dict(_values(self.scaler["spec"].get("metrics") or (), "target"))

    @property
    def currents(self) -> dict[str, int | float]:
        """
        What each metric is, as far as it is known.
        """
        return dict(_values((self.scaler.get("status") or {}).get("currentMetrics") or (), "current"))

    @property
    def fault(self) -> str:
        """
        Why it does not scale, in the words of the cluster; empty if it does. A stopped service is none.
        """
        for condition in (self.scaler.get("status") or {}).get("conditions") or ():
            stopped = condition.get("reason") == "ScalingDisabled"
            if condition["type"] in ("AbleToScale", "ScalingActive") and condition["status"] == "False" and not stopped:
                return str(condition.get("message", ""))
        return ""

    @property
    def bounds(self) -> str:
        """
        How many instances it makes.
        """
        return f"{self.least} to {self.most} instances"

    def allows(self, instances: int) -> bool:
        """
        Tell whether it leaves so many *instances*, until their load changes that.
        """
        return self.least <= instances <= self.most


def find_autoscaler(api: KubernetesApi, base: str) -> StoredAutoscaler | None:
    """
    Return the autoscaler of the service whose objects are called *base*; None if it has none, or if who asks may not
    see any.
    """
    try:
        found = api.find(KIND, labels_of(base))
    except NotAllowed:
        return None
    scaler = next((one for one in found if one["metadata"]["name"] == base), None)
    return StoredAutoscaler(scaler) if scaler is not None else None


def set_autoscaler(
    api: KubernetesApi, service: ClusterService, wanted: Autoscaling, seen: StoredAutoscaler | None
) -> None:
    """
    Have the cluster scale *service* as *wanted*. *seen*: the autoscaler whose keys that began with; None: it had none.

    Raises:
        ChangedMeanwhile: somebody else has changed it since then.
        ClusterError: the cluster refuses it.
    """
    thing, base = autoscaler(service, wanted), service.names.base

    def look() -> Mapping[str, Any] | None:
        found = find_autoscaler(api, base)
        return found.scaler if found is not None else None

    def is_same(there: Mapping[str, Any] | None) -> bool:
        return (StoredAutoscaler(there).keys if there is not None else None) == (
            seen.keys if seen is not None else None
        )

    api.apply(thing, dry_run=True)
    ChangeGuard(service.names.service, look, is_same).apply(api, thing)


def remove_autoscaler(api: KubernetesApi, base: str) -> None:
    """
    Have nothing scale the service any more; the number of instances stays as it is.
    """
    api.delete(KIND, base)


def report(scaler: StoredAutoscaler) -> dict[str, Any]:
    """
    What EAS's API tells of an autoscaler, with why it does not scale.
    """
    return {
        "MinReplica": scaler.least,
        "MaxReplica": scaler.most,
        "Behavior": scaler.description.get("behavior", {}),
        "ScaleStrategies": [{"metricName": name, "threshold": target} for name, target in scaler.targets.items()],
        "CurrentMetrics": [{"metricName": name, "value": value} for name, value in scaler.currents.items()],
        "Message": scaler.fault,
    }


def row(reported: Mapping[str, Any]) -> str:
    """
    Write a *report* for a table: `1 to 3 instances by qps 10 (4.2 now)`, and why it does not scale.
    """
    now = {one["metricName"]: f" ({one['value']} now)" for one in reported["CurrentMetrics"]}
    strategies = (
        f"{one['metricName']} {one['threshold']}{now.get(one['metricName'], '')}" for one in reported["ScaleStrategies"]
    )
    bounds = f"{reported['MinReplica']} to {reported['MaxReplica']} instances"
    return "\n".join(filter(None, [f"{bounds} by {', '.join(strategies)}", reported["Message"]]))


def nested(keys: Mapping[str, Any]) -> dict[str, Any]:
    """
    Make nested objects of flat *keys*. What is in brackets is part of a name, as in `strategies.custom[eas.x]`.
    """
    made: dict[str, Any] = {}
    for key, value in keys.items():
        path, bracket, rest = key.partition("[")
        *steps, last = path.split(".")
        place = made
        for step in steps:
            place = place.setdefault(step, {})
        place[last + bracket + rest] = value
    return made


def _values(metrics: Any, which: str) -> Iterator[tuple[str, int | float]]:  # noqa: ANN401  a list, as JSON has it
    """
    Yield the names and numbers of *metrics*, which are targets or current values; only those that `strategies` can
    have.
    """
    for metric in metrics:
        if metric.get("type") == "Resource" and metric["resource"]["name"] == _CPU:
            percent = metric["resource"][which].get("averageUtilization")
            if percent is not None:
                yield _CPU, int(percent)
        elif metric.get("type") == "Pods":
            name = metric["pods"]["metric"]["name"]
            amount = metric["pods"][which].get("averageValue")
            number = None if amount is None else _number(str(amount))
            if number is not None:
                yield "qps" if name == QPS_METRIC else f"custom[{name}]", number


def _number(quantity: str) -> int | float | None:
    """
    Read a *quantity*; None if it is one that no version of Kubernetes has so far.
    """
    found = _QUANTITY.fullmatch(quantity)
    if found is None or found[2] not in _UNITS:
        return None
    number = Decimal(found[1]) * _UNITS[found[2]]
    return int(number) if number == int(number) else float(number)
