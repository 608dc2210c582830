"""
Makes, changes and deletes the objects of a service.

The order: what is wrong is found by a dry run, before anything is changed; then the version is stored, then the objects
are applied, then those that the version no longer has are removed. Who dies between has stored a version that does not
run, and the next command adds another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.manifest import make_objects
from eas_host.cluster.names import INSTANCE_LABEL
from eas_host.management.kubernetes_api import SCALING_MANAGER, KubernetesApi
from eas_host.management.revisions import KEPT, Revision, read_revisions, store_revision
from eas_host.management.stored_service import STOPPED_INSTANCES, UPDATED, VERSION, StoredService, labels_of

_OPTIONAL: Final = ("HTTPRoute", "HorizontalPodAutoscaler", "NetworkPolicy")
"""Kinds of which a version may have none."""
_VERSIONED: Final = ("ConfigMap", "Secret")
"""Kinds of which each version has its own."""
_DELETED: Final = (
    *_OPTIONAL,  # first, so that no request is sent to pods that end, and nothing makes new ones
    "Deployment",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
    *_VERSIONED,
)
_RESTART_MANAGER: Final = "eas-host-restart"
"""Who owns that time: another version, which the usual owner applies, must not take it away, or all would restart."""
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation of pods by which `kubectl rollout restart` makes others; another name would be another restart."""


def deploy(
    api: KubernetesApi,
    service: ClusterService,
    text: str,
    options: Mapping[str, Any],
    *,
    running: StoredService | None = None,
) -> Revision:
    """
    Have the cluster run *service* as a new version, made of the description *text* and *options*. *running*: what it
    changes; None for a new service. A stopped service stays stopped.

    Raises:
        ClusterError: the cluster refuses it, and nothing has been changed.
    """
    revisions = read_revisions(api, service.names.service)
    objects = make_objects(service)
    revision = Revision(
        number=max((one.number for one in revisions), default=0) + 1,
        text=text,
        options=options,
        objects={one["kind"]: one["metadata"]["name"] for one in objects if one["kind"] in _VERSIONED},
    )
    _apply(api, service, objects, revision.number, running, stores=revision)
    _remove_old(api, service.names.base, objects, [*revisions, revision])
    return revision


def redeploy(api: KubernetesApi, service: ClusterService, number: int, running: StoredService) -> None:
    """
    Have the cluster run *service*, which is its kept version *number*.

    Raises:
        ClusterError: the cluster refuses it.
    """
    objects = make_objects(service)
    _apply(api, service, objects, number, running)
    _remove_unused(api, service.names.base, objects)


def scale(api: KubernetesApi, service: StoredService, instances: int) -> None:
    """
    Change the number of instances; a stopped service gets so many when it is started.
    """
    stopped = service.stopped_instances is not None
    _set_instances(api, service, 0 if stopped else instances, instances if stopped else None)


def stop(api: KubernetesApi, service: StoredService) -> None:
    """
    Take all instances away, until `start`. An autoscaler does nothing while there is none.
    """
    _set_instances(api, service, 0, service.instances)


def start(api: KubernetesApi, service: StoredService) -> None:
    """
    Give a stopped service the instances that it had, and at least one.
    """
    _set_instances(api, service, max(1, service.instances), None)


def restart(api: KubernetesApi, service: StoredService) -> None:
    """
    Replace all instances by new ones of the same version, as a rollout.
    """
    template = {"metadata": {"annotations": {_RESTARTED: _now()}}}
    api.apply({**_reference(service), "spec": {"template": template}}, _RESTART_MANAGER)


def delete(api: KubernetesApi, service: StoredService) -> None:
    """
    Delete everything of a service. Its pods end by themselves.
    """
    labels = labels_of(service)
    for kind in _DELETED:
        for one in api.find(kind, labels):
            api.delete(kind, one["metadata"]["name"])


def _apply(
    api: KubernetesApi,
    service: ClusterService,
    objects: list[dict[str, Any]],
    number: int,
    running: StoredService | None,
    stores: Revision | None = None,
) -> None:
    for one in objects:
        if one["kind"] == "Deployment":
            one["metadata"]["annotations"] |= {VERSION: str(number), UPDATED: _now()}
            stopped = running is not None and running.stopped_instances is not None
            if stopped:
                one["spec"]["replicas"] = 0
    for one in objects:
        api.apply(one, dry_run=True)
    if stores is not None:
        store_revision(api, service.names, stores)
    if running is not None:
        # Before the Deployment loses its number of pods to an autoscaler.
        wanted = None if running.stopped_instances is None else service.settings.replicas
        _set_instances(api, running, running.total, wanted)
    for one in objects:
        api.apply(one)


def _set_instances(api: KubernetesApi, service: StoredService, instances: int, stopped: int | None) -> None:
    """
    Set the number of instances, and, for a stopped service, the one that it gets when it is started.
    """
    thing = _reference(service)
    if stopped is not None:
        thing["metadata"]["annotations"] = {STOPPED_INSTANCES: str(stopped)}
    api.apply({**thing, "spec": {"replicas": instances}}, SCALING_MANAGER)


def _remove_old(api: KubernetesApi, base: str, objects: Iterable[dict[str, Any]], revisions: list[Revision]) -> None:
    """
    Remove what only versions need that are no longer kept, and what the newest version does not have.
    """
    old, kept = revisions[:-KEPT], revisions[-KEPT:]
    needed = {pair for one in kept for pair in one.objects.items()}
    for one in old:
        for kind, name in one.objects.items():
            if (kind, name) not in needed:
                api.delete(kind, name)
        api.delete("ConfigMap", f"{base}-v{one.number}")
    _remove_unused(api, base, objects)


def _remove_unused(api: KubernetesApi, base: str, objects: Iterable[dict[str, Any]]) -> None:
    made = {one["kind"] for one in objects}
    for kind in _OPTIONAL:
        if kind not in made:
            for one in api.find(kind, {INSTANCE_LABEL: base}):
                api.delete(kind, one["metadata"]["name"])


def _reference(service: StoredService) -> dict[str, Any]:
    metadata = {"name": service.deployment["metadata"]["name"]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
