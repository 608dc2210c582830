"""
Reads what the instances of a service have answered, from their own metrics, through the proxy of the API server: it
needs no way into the cluster's network, only the right to `get` on `pods/proxy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eas_host.cluster.cluster_service import PORT
from eas_host.errors import ClusterError
from eas_host.front.admission.token_header import TOKEN_HEADER
from eas_host.management.kubernetes_api import KubernetesApi, NotAllowed
from eas_host.management.release.request_counts import RequestCounts, read_counts
from eas_host.management.stored_service import labels_of

_PATH: Final = "api/builtin/metrics"


class NoInstance(ClusterError):
    """
    A service has no instance that takes requests.
    """


class RequestMeter:
    """
    Counts the requests of a service.

    Args:
        api: the cluster.
        name: the name of the service, for messages.
        base: what its objects are called.
        token: its token; empty for none.
    """

    def __init__(self, api: KubernetesApi, name: str, base: str, token: str) -> None:
        self._api = api
        self._name = name
        self._base = base
        self._headers = {TOKEN_HEADER.decode(): token} if token else {}
        self._seen: dict[str, RequestCounts | None] = {}  # None: it was there at first, and could not be read
        self._begun = False

    def read(self) -> RequestCounts:
        """
        Return what all instances together have answered since the last time; nothing the first time.

        Raises:
            NoInstance: there is none that takes requests.
            ClusterError: the metrics of none of them can be read.
        """
        there = self._api.find("Pod", labels_of(self._base))
        pods = [pod for pod in there if _takes_requests(pod)]
        if not pods:
            raise NoInstance(f"{self._name} has no instance that takes requests")
        if not self._begun:
            self._seen = dict.fromkeys(_uid(pod) for pod in there)
        counted, failed = RequestCounts(), []
        for pod in pods:
            try:
                counts = self._ask(pod)
            except NotAllowed:
                raise
            except ClusterError as error:  # it may end just now
                failed.append(error)
                continue
            before = self._seen.get(_uid(pod), RequestCounts())  # one that has come since has counted from zero
            if before is not None:
                counted += counts.since(before)
            self._seen[_uid(pod)] = counts
        if len(failed) == len(pods):
            raise failed[0]
        self._begun = True
        return counted

    def _ask(self, pod: Mapping[str, Any]) -> RequestCounts:
        name = pod["metadata"]["name"]
        try:
            return read_counts(self._api.ask_pod(name, PORT, _PATH, self._headers))
        except ValueError as error:
            raise ClusterError(f"{name}: its metrics cannot be read: {error}") from error


def _uid(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"]["uid"])


def _takes_requests(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions", ())
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")
