"""
Makes, changes and deletes the objects of a service.

The order: what is wrong is found by a dry run, before anything is changed; then the version is stored, then the objects
are applied, then those that the version no longer has are removed. Who dies between has stored a version that does not
run, and the next command adds another one. `delete` goes by labels alone, so it also ends what another one began.

Of two who change a service at the same moment the second one is refused: by the number of its version, which only one
can store, and at the Deployment (`change_guard`). With an autoscaler nobody else sets the number of instances.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final, NamedTuple

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.manifest import make_objects
from eas_host.cluster.names import object_name
from eas_host.management.change_guard import ChangedMeanwhile, ChangeGuard
from eas_host.management.kubernetes_api import SCALING_MANAGER, KubernetesApi, NotAllowed, ObjectExists
from eas_host.management.old_versions import remove_old, take_back
from eas_host.management.release.service_pair import check_unshared, keep_share, lengthen_route
from eas_host.management.revisions import VERSIONED, Revision, read_revisions, store_revision
from eas_host.management.stored_service import (
    STOPPED_INSTANCES,
    UPDATED,
    VERSION,
    StoredService,
    find_service,
    labels_of,
)
from eas_host.management.token_secret import apply_tokens

_AUTOSCALER: Final = "HorizontalPodAutoscaler"
_OPTIONAL: Final = ("HTTPRoute", _AUTOSCALER, "NetworkPolicy")
"""Kinds of which a version may have none, and which who manages services may not be allowed to see."""
_NETWORK_POLICY: Final = "NetworkPolicy"
_DELETED: Final = (
    "HTTPRoute",  # first, so that no request is sent to pods that end
    _AUTOSCALER,
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
    *VERSIONED,
    "Deployment",  # last, so that a service is listed until all else is gone
)
"""In this order. The NetworkPolicy is left until there are no pods, which it protects."""
_RESTART_MANAGER: Final = "eas-host-restart"
"""Who owns that time: another version, which the usual owner applies, must not take it away, or all would restart."""
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation of pods by which `kubectl rollout restart` makes others; another name would be another restart."""


class Leftovers(NamedTuple):
    """
    What a cluster has of a service.

    Attributes:
        objects: kinds and names, in the order in which they are deleted.
        policies: the names of NetworkPolicies.
        pods: whether it has pods.
    """

    objects: list[tuple[str, str]]
    policies: list[str]
    pods: bool


def deploy(
    api: KubernetesApi,
    service: ClusterService,
    text: str,
    options: Mapping[str, Any],
    *,
    running: StoredService | None = None,
) -> None:
    """
    Have the cluster run *service* as a new version, made of the description *text* and *options*. *running*: what it
    changes; None for a new service. A stopped service stays stopped. Another number of instances, or autoscaler, alone
    is no version.

    Raises:
        ChangedMeanwhile: somebody else has changed it since *running* was read.
        ClusterError: the cluster refuses it, and nothing has been changed.
    """
    revisions = read_revisions(api, service.names.service)
    objects = make_objects(service)
    revision = Revision(
        number=max((one.number for one in revisions), default=0) + 1,
        text=text,
        options=options,
        objects={one["kind"]: one["metadata"]["name"] for one in objects if one["kind"] in (*VERSIONED, *_OPTIONAL)},
    )
    unused = _find_unused(api, service.names.base, objects, revisions)
    _check_route(api, unused, running)
    current = next((one for one in revisions if running is not None and one.number == running.version), None)
    guard = _guard(api, service, running, unused)
    if current is not None and _without_scaling(current) == _without_scaling(revision):
        _apply(api, service, objects, current.number, running, guard=guard)
    else:
        _apply(api, service, objects, revision.number, running, guard=guard, stores=revision)
        remove_old(api, service.names.base, [*revisions, revision], running)
    _remove(api, unused)


def redeploy(api: KubernetesApi, service: ClusterService, number: int, running: StoredService) -> None:
    """
    Have the cluster run *service*, which is its kept version *number*.

    Raises:
        ChangedMeanwhile: somebody else has changed it since *running* was read.
        ClusterError: the cluster refuses it.
    """
    objects = make_objects(service)
    unused = _find_unused(api, service.names.base, objects, read_revisions(api, service.names.service))
    _check_route(api, unused, running)
    _apply(api, service, objects, number, running, guard=_guard(api, service, running, unused))
    _remove(api, unused)


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


def find_leftovers(api: KubernetesApi, name: str) -> Leftovers | None:
    """
    Return what there is of the service *name*; None if there is nothing. Its Deployment may be missing, after another
    command that was interrupted.

    Raises:
        ClusterError: its Deployment is not of eas-host, or its objects may not be listed.
    """
    service = find_service(api, name)
    base = object_name(name)
    revisions = read_revisions(api, name)
    expects_all = service is not None and not service.version  # applied by others, who alone know what they made
    objects = [(kind, found) for kind in _DELETED for found in _names(api, kind, base, revisions, expected=expects_all)]
    policies = list(_names(api, _NETWORK_POLICY, base, revisions, expected=expects_all))
    found = Leftovers(objects, policies, bool(api.find("Pod", labels_of(base))))
    return found if any(found) else None


def delete(api: KubernetesApi, found: Leftovers) -> None:
    """
    Delete what was *found* of a service, but for its NetworkPolicies. Its pods end by themselves.
    """
    _remove(api, found.objects)


def delete_policies(api: KubernetesApi, found: Leftovers) -> None:
    """
    Delete the NetworkPolicies of a service, once it has no pods.
    """
    _remove(api, ((_NETWORK_POLICY, name) for name in found.policies))


def delete_instances(api: KubernetesApi, names: Iterable[str]) -> None:
    """
    Delete instances. The cluster makes others in their place.
    """
    _remove(api, (("Pod", name) for name in names))


def _apply(
    api: KubernetesApi,
    service: ClusterService,
    objects: list[dict[str, Any]],
    number: int,
    running: StoredService | None,
    *,
    guard: ChangeGuard,
    stores: Revision | None = None,
) -> None:
    """
    Apply the *objects*, unless the *guard* sees a change by somebody else. *stores*: the version to store before that.
    """
    keep_share(api, service.names.base, objects)
    _complete(objects, service, number, running)
    others, in_use = _secrets_apart(objects, running)
    _try_out(api, service, others, in_use)
    guard.check()
    if stores is not None:
        guard.claim(lambda: store_revision(api, service.names, stores))
    if running is not None and running.stopped_instances is None and service.settings.autoscaling is not None:
        _keep_instances(api, running)
    try:
        for one in others:
            if one["kind"] == "Deployment":
                guard.apply(api, one)
            else:
                api.apply(one)
    except ChangedMeanwhile:
        if stores is not None:
            take_back(api, service.names.service, stores)
        raise
    for one in in_use:
        apply_tokens(api, one, service)
    if running is not None and running.stopped_instances is not None:
        _set_instances(api, running, 0, service.settings.replicas)
    lengthen_route(api, service)


def _complete(
    objects: Iterable[dict[str, Any]], service: ClusterService, number: int, running: StoredService | None
) -> None:
    """
    Write into the Deployment which version it is, and the number of instances that another one would choose later.
    """
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    deployment["metadata"]["annotations"] |= {VERSION: str(number), UPDATED: _now("microseconds")}
    if running is None and service.settings.autoscaling is not None:
        deployment["spec"]["replicas"] = service.settings.autoscaling.within(service.settings.replicas)
    elif running is not None and running.stopped_instances is not None:
        deployment["spec"]["replicas"] = 0


def _secrets_apart(
    objects: Iterable[dict[str, Any]], running: StoredService | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """
    Return all *objects* but the Secret that instances read, and that one, if there is one, which is applied last: it
    has no guard, so who is refused must not have changed it before.
    """
    mounted = ("Secret", running.secret if running is not None else "")
    apart: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for one in objects:
        apart[(one["kind"], one["metadata"]["name"]) == mounted].append(one)
    return apart


def _try_out(
    api: KubernetesApi, service: ClusterService, others: list[dict[str, Any]], in_use: list[dict[str, Any]]
) -> None:
    for one in others:
        api.apply(one, dry_run=True)
    for one in in_use:
        apply_tokens(api, one, service, dry_run=True)


def _guard(
    api: KubernetesApi, service: ClusterService, running: StoredService | None, unused: Iterable[tuple[str, str]]
) -> ChangeGuard:
    """
    Guard the Deployment as it is *running*. Another number of instances is a change by somebody else, too, unless there
    is an autoscaler, or was one, which is *unused* now.
    """
    counts = service.settings.autoscaling is None and all(kind != _AUTOSCALER for kind, _ in unused)

    def state(there: StoredService | None) -> object:
        return there and (there.state, there.total if counts else None)

    def is_same(there: Mapping[str, Any] | None) -> bool:
        return state(None if there is None else StoredService(there)) == state(running)

    return ChangeGuard(service.names.service, lambda: api.get("Deployment", service.names.base), is_same)


def _keep_instances(api: KubernetesApi, running: StoredService) -> None:
    """
    Keep the number of instances, before the Deployment loses its own to an autoscaler: without an owner it would be 1.
    """
    try:
        api.apply({**_reference(running), "spec": {"replicas": running.total}}, SCALING_MANAGER, force=False)
    except ObjectExists:
        pass  # the autoscaler has chosen another one since then, and that stays


def _set_instances(api: KubernetesApi, service: StoredService, instances: int, stopped: int | None) -> None:
    """
    Set the number of instances, and, for a stopped service, the one that it gets when it is started.
    """
    thing = _reference(service)
    if stopped is not None:
        thing["metadata"]["annotations"] = {STOPPED_INSTANCES: str(stopped)}
    api.apply({**thing, "spec": {"replicas": instances}}, SCALING_MANAGER)


def _without_scaling(revision: Revision) -> tuple[object, ...]:
    """
    All that makes a version another one.
    """
    content = {key: value for key, value in json.loads(revision.text).items() if key.partition(".")[0] != "autoscaler"}
    metadata = {key: value for key, value in content.pop("metadata", {}).items() if key != "instance"}
    objects = {kind: name for kind, name in revision.objects.items() if kind != _AUTOSCALER}
    return content, metadata, dict(revision.options), objects


def _find_unused(
    api: KubernetesApi, base: str, objects: Iterable[Mapping[str, Any]], revisions: Iterable[Revision]
) -> list[tuple[str, str]]:
    """
    Find what the cluster has of kinds of which a new version has none.
    """
    made = {one["kind"] for one in objects}
    kinds = [kind for kind in _OPTIONAL if kind not in made]
    return [(kind, name) for kind in kinds for name in _names(api, kind, base, revisions)]


def _check_route(api: KubernetesApi, unused: Iterable[tuple[str, str]], running: StoredService | None) -> None:
    """
    Check that another version of the service needs no route that is *unused* now.
    """
    if running is not None and any(kind == "HTTPRoute" for kind, _ in unused):
        check_unshared(api, running)


def _names(
    api: KubernetesApi, kind: str, base: str, revisions: Iterable[Revision], *, expected: bool = False
) -> Iterator[str]:
    """
    Yield the names of the objects of a *kind* that a service has. Who may not list an optional kind has none of it,
    also where the cluster does not even know the kind; but not if one of the *revisions* has made one, or one is
    *expected*.

    Raises:
        NotAllowed: they may not be listed.
    """
    try:
        found = api.find(kind, labels_of(base))
    except NotAllowed:
        if kind not in _OPTIONAL or expected or any(kind in one.objects for one in revisions):
            raise
        return
    yield from (one["metadata"]["name"] for one in found)


def _remove(api: KubernetesApi, objects: Iterable[tuple[str, str]]) -> None:
    for kind, name in objects:
        api.delete(kind, name)


def _reference(service: StoredService) -> dict[str, Any]:
    metadata = {"name": service.base}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def _now(precision: str = "seconds") -> str:
    return datetime.now(timezone.utc).replace(tzinfo=None).isoformat(timespec=precision) + "Z"
