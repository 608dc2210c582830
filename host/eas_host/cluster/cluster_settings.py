"""
What a description says of instances, machines, rollouts, storage and autoscaling: the keys that a cluster honours.

EAS's own names and defaults are in docs/eas-compatibility.md, section 7.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from eas_host.cluster import names, quantities
from eas_host.cluster.cloud_values import CloudValues
from eas_host.description import Description, Mount

_MOST_PODS: Final = 3000
"""As many instances as EAS's console allows."""
_LONGEST_WINDOW: Final = 3600
"""Seconds: the API of the HorizontalPodAutoscaler allows no more."""
_CUSTOM: Final = re.compile(r"custom\[(?P<metric>[A-Za-z_:][A-Za-z0-9_:]*)\]")
"""A strategy by a metric of the pods that has any name, as EAS spells it."""
SPREAD_KEYS: Final = {
    "default": "kubernetes.io/hostname",
    "host": "kubernetes.io/hostname",
    "zone": "topology.kubernetes.io/zone",
}
"""The label of nodes over whose values pods are spread, by `metadata.scheduling.spread.policy`."""


@dataclass(frozen=True)
class Autoscaling:
    """
    `autoscaler`.

    Attributes:
        least, most: how many pods there are.
        cpu: the percentage of the requested CPU that is aimed at; None: it does not count.
        qps: requests a second of one pod that are aimed at, as a quantity; empty: they do not count.
        custom: other metrics of pods, each with what is aimed at, as a quantity.
        up_window, down_window: seconds whose highest, or lowest, number of pods counts.
    """

    least: int
    most: int
    cpu: int | None
    qps: str
    custom: tuple[tuple[str, str], ...]
    up_window: int
    down_window: int

    def within(self, instances: int) -> int:
        """
        The number that is nearest to *instances* and that the autoscaler leaves as it is.
        """
        return min(max(instances, self.least), self.most)


@dataclass(frozen=True)
class ClusterStorage:
    """
    An entry of `storage[]` that the cluster mounts: `nfs` or, without a server, `empty_dir`.
    """

    mount_path: str
    server: str = ""
    path: str = ""
    read_only: bool = False
    in_memory: bool = False


@dataclass(frozen=True)
class ClusterSettings:
    """
    All of it. Quantities are texts as Kubernetes has them; an empty one stands for none. *released*: it is the new
    version beside a service of that name.
    """

    replicas: int
    cpu: str
    memory: str
    gpu: int
    shm_size: str
    disk: str
    max_surge: int | str
    max_unavailable: int | str
    spread_over: str
    labels: tuple[tuple[str, str], ...]
    storage: tuple[ClusterStorage, ...]
    autoscaling: Autoscaling | None
    released: bool


def read_settings(description: Description) -> tuple[ClusterSettings, list[str]]:
    """
    Read the settings in *description*, which was read with its cloud values.

    Returns:
        The settings, and a line for each reason for which keys have no effect.

    Raises:
        ConfigError: a value does not fit.
    """
    values = CloudValues(description)
    policy = values.read("metadata.scheduling.spread.policy", quantities.one_of("default", "host", "zone"), "default")
    settings = ClusterSettings(
        replicas=values.read("metadata.instance", quantities.whole("instances", 0, _MOST_PODS), 1),
        cpu=_unless_zero(values, "metadata.cpu", quantities.thousandths("CPUs")),
        memory=_unless_zero(values, "metadata.memory", quantities.size("megabytes", "Mi")),
        gpu=values.read("metadata.gpu", quantities.whole("GPUs", 0, 64), 0),
        shm_size=_unless_zero(values, "metadata.shm_size", quantities.size("gigabytes", "Gi")),
        disk=_unless_zero(values, "metadata.disk", quantities.size_with_unit),
        max_surge=_at_once(values, "metadata.rolling_strategy.max_surge", 1),
        max_unavailable=_at_once(values, "metadata.rolling_strategy.max_unavailable", 0),
        spread_over=SPREAD_KEYS[policy],
        labels=_labels(values),
        storage=tuple(_storage(values, description)),
        autoscaling=_autoscaling(values),
        released=values.read("metadata.release", quantities.boolean, default=False),
    )
    if settings.max_surge in (0, "0%") and settings.max_unavailable in (0, "0%"):
        values.add_mistake(
            "metadata.rolling_strategy",
            "max_surge and max_unavailable are both 0, so no pod could be replaced; expected one of them above 0",
        )
    for mount in description.storage:
        if mount.source and any(values.names(f"{mount.where}.{kind}") for kind in ("nfs", "empty_dir")):
            values.add_mistake(mount.where, "it has several sources; expected one")
    values.check()
    return settings, list(values.notes())


def _unless_zero(values: CloudValues, label: str, reader: Any) -> str:  # noqa: ANN401  a reader of `quantities`
    """
    Read a quantity; 0 is none, as in EAS's own samples.
    """
    text: str = values.read(label, lambda value: "" if value in (0, "0") else reader(value), "")
    return text


def _at_once(values: CloudValues, label: str, default: int | str) -> int | str:
    return values.read(label, quantities.count_or_percent, default)


def _labels(values: CloudValues) -> tuple[tuple[str, str], ...]:
    found = values.below("labels")
    fitting = names.only_labels(found)
    for key in found:
        if any(key == name for name, _ in fitting):
            values.mark_read(f"labels.{key}")
    return fitting


def _storage(values: CloudValues, description: Description) -> Iterator[ClusterStorage]:
    """
    The entries that the cluster mounts; those of other kinds are ignored.
    """
    for mount in description.storage:
        if not mount.source and values.names(f"{mount.where}.nfs"):
            yield _nfs(values, mount)
        elif not mount.source and values.names(f"{mount.where}.empty_dir"):
            values.mark_read(f"{mount.where}.empty_dir")
            medium = values.read(f"{mount.where}.empty_dir.medium", quantities.one_of("disk", "memory"), "disk")
            yield ClusterStorage(_mount_path(values, mount), in_memory=medium == "memory")


def _nfs(values: CloudValues, mount: Mount) -> ClusterStorage:
    where = mount.where
    for key in ("server", "path"):
        if key not in values.below(f"{where}.nfs"):
            values.add_mistake(f"{where}.nfs", f"it has no {key}; expected one")
    return ClusterStorage(
        _mount_path(values, mount),
        server=values.read(f"{where}.nfs.server", quantities.printable, ""),
        path=values.read(f"{where}.nfs.path", quantities.absolute_path, ""),
        read_only=values.read(f"{where}.nfs.readOnly", quantities.boolean, default=False),
    )


def _mount_path(values: CloudValues, mount: Mount) -> str:
    try:
        return quantities.absolute_path(mount.mount_path)
    except ValueError as error:
        values.add_mistake(f"{mount.where}.mount_path", str(error))
        return "/"


def _autoscaling(values: CloudValues) -> Autoscaling | None:
    if not values.has("autoscaler"):
        return None
    least = values.read("autoscaler.min", quantities.whole("instances", 0, _MOST_PODS), 1)
    most = values.read("autoscaler.max", quantities.whole("instances", 1, _MOST_PODS), max(1, least))
    cpu = values.read("autoscaler.strategies.cpu", quantities.whole("percent", 1, 100), 0)
    qps = values.read("autoscaler.strategies.qps", quantities.thousandths("requests a second"), "")
    custom = tuple(_custom_metrics(values))
    window = quantities.whole("seconds", 0, _LONGEST_WINDOW)
    if not cpu and not qps and not custom:
        values.add_mistake(
            "autoscaler.strategies",
            "it has neither cpu nor qps nor custom[METRIC], by which a cluster can scale; expected one of them",
        )
    if cpu and not values.has("metadata.cpu"):
        values.add_mistake("autoscaler.strategies.cpu", "is a share of metadata.cpu, which is missing; expected both")
    if most < least:
        values.add_mistake("autoscaler.max", f"{most} is less than min, {least}; expected no less")
    return Autoscaling(
        max(1, least),
        most,
        cpu or None,
        qps,
        custom,
        values.read("autoscaler.behavior.scaleUp.stabilizationWindowSeconds", window, 0),
        values.read("autoscaler.behavior.scaleDown.stabilizationWindowSeconds", window, 300),
    )


def _custom_metrics(values: CloudValues) -> Iterator[tuple[str, str]]:
    for key in values.below("autoscaler.strategies"):
        if named := _CUSTOM.fullmatch(key):
            label = f"autoscaler.strategies.{key}"
            yield named["metric"], values.read(label, quantities.thousandths("what the metric counts"), "1")
