"""
Versions that are no longer needed, and what only they have.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from eas_host.cluster.names import object_name
from eas_host.management.kubernetes_api import KubernetesApi
from eas_host.management.revisions import KEPT, VERSIONED, Revision, read_revisions
from eas_host.management.stored_service import VERSION, StoredService, labels_of


def remove_old(api: KubernetesApi, base: str, revisions: Iterable[Revision], running: StoredService | None) -> None:
    """
    Remove what only versions need that are no longer kept. Kept are the last ones, the one before, and each whose pods
    still run, as they do while later ones do not come to run.
    """
    used = [one for one in api.find("ReplicaSet", labels_of(base)) if _has_pods(one)]
    kept = {one.number for one in sorted(revisions, key=lambda one: one.number)[-KEPT:]}
    kept |= {int(one["metadata"].get("annotations", {}).get(VERSION, 0)) for one in used}
    if running is not None:
        kept.add(running.version)
    needed = {pair for one in revisions if one.number in kept for pair in one.objects.items()}
    needed |= {pair for one in used for pair in _mounted(one)}
    for one in revisions:
        if one.number not in kept:
            _remove(api, one, needed, base)


def take_back(api: KubernetesApi, service: str, stored: Revision) -> None:
    """
    Remove a version of *service* that was *stored* and is not to run, with what no other version has.
    """
    others = (one for one in read_revisions(api, service) if one.number != stored.number)
    needed = {pair for one in others for pair in one.objects.items()}
    _remove(api, stored, needed, object_name(service))


def _remove(api: KubernetesApi, revision: Revision, needed: Container[tuple[str, str]], base: str) -> None:
    for kind, name in revision.objects.items():
        if kind in VERSIONED and (kind, name) not in needed:
            api.delete(kind, name)
    api.delete("ConfigMap", f"{base}-v{revision.number}")


def _has_pods(replica_set: Mapping[str, Any]) -> bool:
    wanted, there = replica_set["spec"].get("replicas", 1), replica_set.get("status", {}).get("replicas", 0)
    return bool(wanted or there)


def _mounted(replica_set: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """
    The ConfigMaps and Secrets of its pods.
    """
    for volume in replica_set["spec"]["template"]["spec"].get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
