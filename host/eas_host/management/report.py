"""
What the commands show of a service: rows for EASCMD's tables, and objects for JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from eas_host.errors import ClusterError
from eas_host.management import autoscaler
from eas_host.management.autoscaler import StoredAutoscaler, find_autoscaler
from eas_host.management.console import local_time
from eas_host.management.kubernetes_api import KubernetesApi, NotAllowed
from eas_host.management.release.service_pair import find_pair
from eas_host.management.revisions import Revision
from eas_host.management.stored_service import RUNNING, STOPPED, StoredService, has_ended, labels_of
from eas_host.management.token_secret import stored_tokens

LIST_HEADING: Final = (
    "SERVICENAME",
    "REGION",
    "INSTANCE",
    "CREATETIME",
    "UPDATETIME",
    "STATUS",
    "WEIGHT",
    "SERVICEPATH",
)
WORKERS_HEADING: Final = (
    "INSTANCENAME",
    "INNERIP",
    "HOSTIP",
    "STARTAT",
    "RESTARTS",
    "STATUS",
    "READY",
    "REASON",
    "LASTSTATE",
)
ALONE: Final = 0
"""The weight of a service without another version beside it; EAS's default."""
_MEBIBYTES: Final = {"Mi": 1, "Gi": 2**10, "Ti": 2**20}
"""In a unit of Kubernetes. EAS calls as many bytes a megabyte."""
_NO_GPU: Final = "0"


def list_row(service: StoredService, namespace: str, weight: int) -> list[str]:
    """
    The row of `list`. The namespace stands where EAS has its region.
    """
    return [
        service.name,
        namespace,
        str(service.total),
        local_time(service.created),
        local_time(service.updated),
        service.status,
        str(weight),
        service_path(service.called_as),
    ]


def service_path(name: str) -> str:
    """
    The path at which a service is called.
    """
    return f"/api/predict/{quote(name)}"


def endpoint(service: StoredService, namespace: str) -> str:
    """
    The URL at which pods of the cluster call it.
    """
    return f"http://{service.base}.{namespace}{service_path(service.called_as)}"


def describe(api: KubernetesApi, service: StoredService, revisions: Sequence[Revision], message: str) -> dict[str, Any]:
    """
    All that `desc` tells, by the names that EASCMD's table has. *message*: why it is as it is.
    """
    limits = service.container.get("resources", {}).get("limits", {})
    try:
        pair = find_pair(api, service)
    except NotAllowed:  # to list routes
        pair = None
    current = next((one for one in revisions if one.number == service.version), None)
    scaler = find_autoscaler(api, service.base)
    return {
        "Status": service.status,
        "ServiceName": service.name,
        "Region": api.namespace,
        "CreateTime": service.created,
        "UpdateTime": service.updated,
        "AccessToken": _shown_token(api, service),
        "TotalInstance": service.total,
        "RunningInstance": service.running,
        "PendingInstance": max(0, service.total - service.running),
        "CPU": limits.get("cpu", ""),
        "GPU": limits.get("nvidia.com/gpu", _NO_GPU),
        "Memory": _megabytes(limits.get("memory", "")),
        "Image": service.container["image"],
        "Weight": pair.weight_of(service.name) if pair else ALONE,
        **(pair.describe() if pair else {}),
        "LatestVersion": max((one.number for one in revisions), default=0),
        "CurrentVersion": service.version,
        "Message": message or _message(service),
        **({"Autoscaler": autoscaler.report(scaler)} if scaler is not None else {}),
        "IntranetEndpoint": endpoint(service, api.namespace),
        "ServiceConfig": _config(current, service, scaler) if current else {},
    }


def _megabytes(quantity: str) -> str:
    """
    Write an amount of memory as EASCMD does, `1000M`, where that is possible; Kubernetes makes 2Gi of 2048Mi.
    """
    number, unit = quantity[:-2], quantity[-2:]
    return f"{int(number) * _MEBIBYTES[unit]}M" if unit in _MEBIBYTES and number.isdecimal() else quantity


def _config(revision: Revision, service: StoredService, scaler: StoredAutoscaler | None) -> dict[str, Any]:
    """
    The description of a version, with the autoscaler, or the number of instances, that it has been given since.
    """
    content: dict[str, Any] = json.loads(revision.text)
    content = {key: value for key, value in content.items() if key.partition(".")[0] != "autoscaler"}
    metadata = content.get("metadata", {})
    if scaler is not None:
        content["autoscaler"] = scaler.description
    elif service.instances != metadata.get("instance", 1):
        content["metadata"] = {**metadata, "instance": service.instances}
    return content


def table_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """
    The rows of the table of `desc`.
    """
    shown = {
        **report,
        "CreateTime": local_time(report["CreateTime"]),
        "UpdateTime": local_time(report["UpdateTime"]),
        "ServiceConfig": json.dumps(report["ServiceConfig"], indent=2, sort_keys=True, ensure_ascii=False),
    }
    if "Autoscaler" in shown:
        shown["Autoscaler"] = autoscaler.row(shown["Autoscaler"])
    return [(key, str(value)) for key, value in shown.items()]


def _shown_token(api: KubernetesApi, service: StoredService) -> str:
    """
    The token for who looks at a service; empty if it has none, and for who may not read secrets.
    """
    try:
        return stored_tokens(api, service).token
    except ClusterError:
        return ""


def workers_of(api: KubernetesApi, service: StoredService) -> list[dict[str, Any]]:
    """
    All instances of a service, also those that end, the oldest first. Not those that have ended, such as evicted ones:
    others have taken their place, and `events` tells why.
    """
    pods = [one for one in api.find("Pod", labels_of(service.base)) if not has_ended(one)]
    return [_worker(pod) for pod in sorted(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")))]


def worker_row(worker: Mapping[str, Any]) -> list[str]:
    """
    The row of `showworkers`.
    """
    shown = {**worker, "StartAt": local_time(worker["StartAt"])}
    shown["LastState"] = json.dumps(worker["LastState"]) if worker["LastState"] else ""
    return [str(value) for value in shown.values()]


def _message(service: StoredService) -> str:
    """
    What the cluster says of a service.
    """
    if service.status in (RUNNING, STOPPED):
        return "Service start successfully" if service.status == RUNNING else "Service is stopped"
    return str(service.condition("Progressing").get("message", ""))


def _worker(pod: Mapping[str, Any]) -> dict[str, Any]:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    host: Mapping[str, Any] = containers[0] if containers else {}
    waiting = host.get("state", {}).get("waiting") or host.get("state", {}).get("terminated") or {}
    ready = sum(bool(one.get("ready")) for one in containers)
    ended = host.get("lastState", {}).get("terminated") or {}
    return {
        "InstanceName": pod["metadata"]["name"],
        "InnerIP": status.get("podIP", ""),
        "HostIP": status.get("hostIP", ""),
        "StartAt": status.get("startTime", ""),
        "Restarts": host.get("restartCount", 0),
        "Status": "Terminating" if pod["metadata"].get("deletionTimestamp") else status.get("phase", "Pending"),
        "Ready": f"[{ready}/{len(pod['spec']['containers'])}]",
        "Reason": waiting.get("reason") or status.get("reason", ""),
        "LastState": {key: ended[key] for key in ("exitCode", "finishedAt", "reason", "startedAt") if key in ended},
    }


def events_of(api: KubernetesApi, service: StoredService) -> list[dict[str, str]]:
    """
    What the cluster has noted of a service, its ReplicaSets and its instances, the oldest first.
    """
    labels = labels_of(service.base)
    owned = [one["metadata"]["name"] for kind in ("ReplicaSet", "Pod") for one in api.find(kind, labels)]
    names = {service.base, *owned}
    noted = [_event(one) for one in api.find("Event") if one["involvedObject"].get("name") in names]
    return sorted(noted, key=lambda one: one["Time"])


def _event(event: Mapping[str, Any]) -> dict[str, str]:
    thing = event["involvedObject"]
    # Each component has one of these times.
    when = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""
    return {
        "Time": when.partition(".")[0].removesuffix("Z") + "Z",
        "Type": event.get("type") or "",
        "Object": f"{thing.get('kind', '')}/{thing.get('name', '')}",
        "Reason": event.get("reason") or "",
        "Message": event.get("message") or "",
    }
