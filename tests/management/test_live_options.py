"""
Options of `create` that `modify` takes back, and instances and conditions of before, with a real API server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.kubernetes import ControlPlane
from support.services import NEW_IMAGE, cluster, create, desc, eas, plane

__all__ = ["cluster", "plane"]

ROUTES = "apis/gateway.networking.k8s.io/v1"
NETWORK = "apis/networking.k8s.io/v1"


@pytest.fixture(scope="module")
def routes(plane: ControlPlane) -> Iterator[None]:
    """The cluster knows the kind HTTPRoute, whatever is in one."""
    group = ROUTES.split("/")[1]
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "HTTPRoute", "plural": "httproutes", "singular": "httproute"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1"}
    thing = {"metadata": {"name": f"httproutes.{group}", "annotations": approved}, "spec": spec}
    plane.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", thing)
    plane.wait_for(lambda: plane.request("GET", f"/{ROUTES}/httproutes"))
    yield
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.{group}"
    plane.request("DELETE", path)


def container(cluster: ControlPlane) -> Any:  # noqa: ANN401  any JSON
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    return deployment["spec"]["template"]["spec"]["containers"][0]


def modify(cluster: ControlPlane, *words: str) -> None:
    ended = eas(cluster, "modify", "scorer_v2", *words, "--timeout", "0")
    assert ended.code == 0, ended.stderr


@pytest.mark.usefixtures("routes")
def test_every_option_can_be_changed_and_taken_back(cluster: ControlPlane, tmp_path: Path) -> None:
    words = "--gateway main --network-policy --worker-threads 7 --no-retry --cors https://a.example"
    create(cluster, tmp_path, *words.split())
    (route,) = cluster.objects("httproutes", ROUTES)
    assert route["spec"]["parentRefs"] == [{"name": "main"}]
    modify(cluster, "--gateway", "other", "--worker-threads", "8", "--cors", "https://b.example")
    (route,) = cluster.objects("httproutes", ROUTES)
    assert route["spec"]["parentRefs"] == [{"name": "other"}]
    assert {"--worker-threads=8", "--cors=https://b.example", "--no-retry"} <= set(container(cluster)["args"])
    assert "--cors=https://a.example" not in container(cluster)["args"]
    modify(cluster, "--unset", "gateway", "--unset", "network-policy")
    assert cluster.objects("httproutes", ROUTES) == []
    assert cluster.objects("networkpolicies", NETWORK) == []
    modify(cluster, "--unset", "worker_threads", "--unset", "no-retry", "--unset", "cors")
    left = " ".join(container(cluster)["args"])
    assert not any(name in left for name in ("worker-threads", "no-retry", "cors"))
    assert desc(cluster)["LatestVersion"] == 4


def test_token_can_be_taken_back(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    modify(cluster, "--unset", "token")
    assert desc(cluster)["AccessToken"] == ""
    assert not any("token" in word for word in container(cluster)["args"])
    modify(cluster, "--image", NEW_IMAGE)
    assert desc(cluster)["AccessToken"] == ""


WRONG = {
    "unknown": (("--unset", "gatway"), ("gatway", "no such option", "--image")),
    "not-set": (("--unset", "gateway"), ("gateway", "no such option", "--image")),
    "image": (("--unset", "image"), ("--image",)),
    "both": (("--unset", "image", "--image", "x"), ("the same command sets it",)),
    "token-too": (("--unset", "token", "--generate-token"), ("the same command sets it",)),
}


def test_what_cannot_be_taken_back_is_refused(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    for words, said in WRONG.values():
        eas(cluster, "modify", "scorer_v2", *words).fails_in_one_line(2, *said)
    assert desc(cluster)["LatestVersion"] == 1


def evict(cluster: ControlPlane, pod: Any) -> str:  # noqa: ANN401  any JSON
    """Says that its node has ended a pod, and returns its name."""
    cluster.report(pod, {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: disk."})
    name: str = pod["metadata"]["name"]
    return name


def test_evicted_instance_is_shown_no_more_once_another_one_takes_its_place(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    create(cluster, tmp_path)
    gone = evict(cluster, cluster.pods()[0])
    for pod in cluster.wait_for_pods(3):
        if pod["metadata"]["name"] != gone:
            cluster.report_ready(pod)
    workers = json.loads(eas(cluster, "w", "scorer_v2", "--json").stdout)
    assert len(workers) == 2
    assert gone not in {one["InstanceName"] for one in workers}
    eas(cluster, "dw", "scorer_v2", gone, "-y").fails_in_one_line(1, "is no instance")
    cluster.wait_for(lambda: desc(cluster)["Status"] == "Running")
    shown = desc(cluster)
    assert (shown["RunningInstance"], shown["PendingInstance"]) == (2, 0)
    assert shown["Message"] == "Service start successfully"
    # Nor is it a reason for anything that comes later.
    ended = eas(cluster, "scale", "scorer_v2", "3", "--timeout", "2")
    assert "WARNING" not in ended.stdout
    ended.fails_with(1, "has not ended after 2 s")


def test_eviction_in_a_rollout_is_told(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    modify(cluster, "--image", NEW_IMAGE)
    (new,) = cluster.wait_for_pods(1, lambda pod: pod["spec"]["containers"][0]["image"] == NEW_IMAGE)
    evict(cluster, new)
    assert "Evicted: The node was low on resource: disk." in desc(cluster)["Message"]


def test_what_the_cluster_said_before_a_change_is_no_answer_to_it(cluster: ControlPlane, tmp_path: Path) -> None:
    """A rollout that was given up stays so in the conditions until something gets better."""
    create(cluster, tmp_path)
    modify(cluster, "--image", NEW_IMAGE)
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/{deployment['metadata']['name']}"
    overdue = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
    # The clock of a cluster counts seconds.
    times = dict.fromkeys(("lastUpdateTime", "lastTransitionTime"), "2126-01-01T00:00:00Z")
    cluster.request("PATCH", f"{path}/status", {"status": {"conditions": [overdue | times]}})
    assert desc(cluster)["Status"] == "Failed"
    times = dict.fromkeys(("lastUpdateTime", "lastTransitionTime"), deployment["metadata"]["creationTimestamp"])
    cluster.request("PATCH", f"{path}/status", {"status": {"conditions": [overdue | times]}})
    ended = eas(cluster, "scale", "scorer_v2", "3", "--timeout", "2")
    ended.fails_with(1, "has not ended after 2 s; it goes on")
    assert desc(cluster)["Status"] == "Waiting"
