"""
A service as a cluster has it, read from its Deployment and what belongs to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eas_host.cluster.names import INSTANCE_LABEL, RELEASED, SERVICE_LABEL, object_name
from eas_host.cluster.pod_volumes import TOKEN_VOLUME
from eas_host.errors import ClusterError
from eas_host.management.kubernetes_api import FIELD_MANAGER, RELEASE_MANAGER, KubernetesApi, NoSuchObject

VERSION: Final = "eas/version"
"""The annotation with the number of the version that is to run."""
UPDATED: Final = "eas/updated"
"""The annotation with the time of the last change by a command, to the microsecond: no two changes have the same."""
STOPPED_INSTANCES: Final = "eas/stopped-instances"
"""The annotation of a stopped service: how many instances it has when it is started again."""
MANAGED: Final = {"app.kubernetes.io/managed-by": "eas-host"}
_REVISION: Final = "deployment.kubernetes.io/revision"
"""By this annotation a Deployment names its newest ReplicaSet."""
_OVERDUE: Final = "ProgressDeadlineExceeded"
_ENDED: Final = ("Failed", "Succeeded")
"""Phases of pods that will never run again, such as evicted ones. A cluster keeps thousands of them."""
_HASH: Final = "pod-template-hash"
"""The label by which a ReplicaSet finds its pods."""

RUNNING: Final = "Running"
WAITING: Final = "Waiting"
STOPPED: Final = "Stopped"
FAILED: Final = "Failed"
DELETING: Final = "Deleting"


@dataclass(frozen=True)
class StoredService:
    """
    A service.

    Attributes:
        deployment: its Deployment, as the cluster has it.
    """

    deployment: Mapping[str, Any]

    @property
    def name(self) -> str:
        """
        Its name in EAS.
        """
        return self._annotations.get(SERVICE_LABEL) or self.base

    @property
    def base(self) -> str:
        """
        What its objects are called.
        """
        name: str = self.deployment["metadata"]["name"]
        return name

    @property
    def released(self) -> str:
        """
        The service beside which it is the new version; empty if it is none.
        """
        return self._annotations.get(RELEASED, "")

    @property
    def called_as(self) -> str:
        """
        The name by which clients call it: a new version answers to that of the old one.
        """
        return self.released or self.name

    @property
    def version(self) -> int:
        """
        The version that is to run; 0 if no command has made the service.
        """
        return int(self._annotations.get(VERSION, 0))

    @property
    def created(self) -> str:
        """
        When it was made.
        """
        return str(self.deployment["metadata"].get("creationTimestamp", ""))

    @property
    def updated(self) -> str:
        """
        When it was last changed by a command.
        """
        text, _, _ = str(self._annotations.get(UPDATED) or self.created).partition(".")
        return text if not text or text.endswith("Z") else f"{text}Z"

    @property
    def state(self) -> tuple[object, ...]:
        """
        What is another one after each command that changes more than the number of instances, whatever controllers do.
        """
        metadata = self.deployment["metadata"]
        return metadata["uid"], self._annotations.get(UPDATED), self.version, self.stopped_instances

    @property
    def changed(self) -> str:
        """
        When a command has last changed anything in the Deployment, by the clock of the cluster. A note of its share of
        the requests is no change of what it runs.
        """
        managed = self.deployment["metadata"].get("managedFields") or ()
        managers = ((str(one.get("manager", "")), one.get("time", "")) for one in managed)
        ours = (time for name, time in managers if name.startswith(FIELD_MANAGER) and name != RELEASE_MANAGER)
        return max(ours, default="") or self.created

    @property
    def total(self) -> int:
        """
        How many instances it is to have.
        """
        return int(self.deployment["spec"].get("replicas", 1))

    @property
    def running(self) -> int:
        """
        How many take requests, of whatever version.
        """
        return int(self._status.get("readyReplicas", 0))

    @property
    def stopped_instances(self) -> int | None:
        """
        How many instances a stopped service gets when it is started; None if it is not stopped.
        """
        text = self._annotations.get(STOPPED_INSTANCES)
        return None if text is None else int(text)

    @property
    def instances(self) -> int:
        """
        How many it has while it is not stopped.
        """
        return self.total if self.stopped_instances is None else self.stopped_instances

    @property
    def status(self) -> str:
        """
        In the words of EAS.
        """
        if self.deployment["metadata"].get("deletionTimestamp"):
            return DELETING
        if self.total == 0:
            return STOPPED
        if self.is_complete:
            return RUNNING
        return FAILED if self.failure else WAITING

    @property
    def failure(self) -> str:
        """
        Why the cluster has given the rollout up, in a few words; empty if it has not. What it said before the last
        change is no answer to that, though it says it on until the next instance is there.
        """
        found = self.condition("Progressing")
        if found.get("status") != "False" or not self.is_observed:
            return ""
        if found.get("lastUpdateTime", self.changed) < self.changed:
            return ""
        overdue = found.get("reason") == _OVERDUE
        return "its time for progress is over" if overdue else f"the cluster makes no instance: {found.get('message')}"

    @property
    def is_complete(self) -> bool:
        """
        Whether all instances are of the newest version, and take requests; what `kubectl rollout status` waits for.
        """
        counts = [self._status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
        return self.is_observed and counts == [self.total] * len(counts)

    @property
    def is_observed(self) -> bool:
        """
        Whether the cluster has seen the last change. Before, its status is about the one before that.
        """
        return bool(self._status.get("observedGeneration", 0) >= self.deployment["metadata"]["generation"])

    def condition(self, kind: str) -> Mapping[str, Any]:
        """
        Return a condition of the Deployment; empty if it has none of this *kind*.
        """
        found = (one for one in self._status.get("conditions", ()) if one["type"] == kind)
        return next(found, {})

    @property
    def container(self) -> Mapping[str, Any]:
        """
        What its instances run.
        """
        containers: list[Mapping[str, Any]] = self.deployment["spec"]["template"]["spec"]["containers"]
        return containers[0]

    @property
    def secret(self) -> str:
        """
        The Secret with its token; empty if everybody may call it.
        """
        volumes = self.deployment["spec"]["template"]["spec"].get("volumes") or ()
        return next((str(one["secret"]["secretName"]) for one in volumes if one["name"] == TOKEN_VOLUME), "")

    @property
    def revision(self) -> str:
        """
        Kubernetes's own number of the newest pods.
        """
        return str(self._annotations.get(_REVISION, ""))

    @property
    def _annotations(self) -> Mapping[str, str]:
        return self.deployment["metadata"].get("annotations") or {}

    @property
    def _status(self) -> Mapping[str, Any]:
        return self.deployment.get("status") or {}


def find_service(api: KubernetesApi, name: str) -> StoredService | None:
    """
    Return the service *name*, if there is one.

    Raises:
        ClusterError: its Deployment is not of eas-host, so no command may change it.
    """
    found = api.get("Deployment", object_name(name))
    if found is None:
        return None
    labels = found["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in MANAGED.items()):
        raise ClusterError(
            f"{name}: the Deployment {object_name(name)} in the namespace {api.namespace} is not of eas-host, since it"
            f" has no label {'='.join(*MANAGED.items())}; leave it alone, or give the service another name"
        )
    return StoredService(found)


def get_service(api: KubernetesApi, name: str) -> StoredService:
    """
    Return the service *name*.

    Raises:
        NoSuchObject: there is none.
    """
    service = find_service(api, name)
    if service is None:
        raise no_such_service(api, name)
    return service


def no_such_service(api: KubernetesApi, name: str) -> NoSuchObject:
    """
    Make the error that names the services that there are.
    """
    others = [one.name for one in list_services(api)]
    listed = f"there are {', '.join(others[:5])}" if others else "there is none"
    return NoSuchObject(f"{name}: there is no such service in the namespace {api.namespace}; {listed}")


def list_services(api: KubernetesApi) -> list[StoredService]:
    """
    Return all services of a namespace, by name.
    """
    found = [StoredService(one) for one in api.find("Deployment", MANAGED)]
    return sorted(found, key=lambda one: one.name)


def newest_replica_set(api: KubernetesApi, service: StoredService) -> Mapping[str, Any] | None:
    """
    Return the ReplicaSet of the version that is to run, once the cluster has made it.
    """
    found = api.find("ReplicaSet", labels_of(service.base))
    same = (one for one in found if one["metadata"].get("annotations", {}).get(_REVISION) == service.revision)
    return next(same, None)


def pods_of(api: KubernetesApi, service: StoredService, replica_set: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """
    Return the pods of a *replica_set* of the service; none if there is none yet. Without those that end, and without
    those that had ended before the last change: others have long taken their place.
    """
    if replica_set is None:
        return []
    labels = {**labels_of(service.base), _HASH: replica_set["metadata"]["labels"][_HASH]}
    found = (one for one in api.find("Pod", labels) if not one["metadata"].get("deletionTimestamp"))
    return [pod for pod in found if not has_ended(pod) or str(pod["metadata"]["creationTimestamp"]) >= service.changed]


def has_ended(pod: Mapping[str, Any]) -> bool:
    """
    Tell whether a pod will never run again, so that another one takes its place.
    """
    return (pod.get("status") or {}).get("phase") in _ENDED


def labels_of(base: str) -> dict[str, str]:
    """
    The labels by which everything of a service is found whose objects are called *base*. Helm gives its own objects the
    first one, too.
    """
    return {INSTANCE_LABEL: base, **MANAGED}
