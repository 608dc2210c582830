"""
What is deleted, also after an interrupted command, what is not, and by whom; with a real API server.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support import TIMEOUT
from support.command import Ended, run
from support.host import clean_environment, program
from support.kubernetes import ControlPlane
from support.manifests import IMAGE
from support.services import (
    DESCRIPTION,
    NEW_IMAGE,
    begun,
    cluster,
    create,
    desc,
    eas,
    plane,
    result,
    wait_for_line,
    write,
)

__all__ = ["cluster", "plane"]


@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "end-of-input"])
def test_delete_asks_first(cluster: ControlPlane, tmp_path: Path, answer: str) -> None:
    create(cluster, tmp_path)
    ended = subprocess.run(
        [*program(), "delete", "scorer_v2", "--namespace", cluster.namespace],
        env=clean_environment() | {"KUBECONFIG": str(cluster.kubeconfig)},
        input=answer,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"Are you sure to delete the service [scorer_v2] in [{cluster.namespace}]? [Y/n]")
    assert desc(cluster)["Status"] == "Running"


OBJECTS = {
    "deployments": "apis/apps/v1",
    "configmaps": "api/v1",
    "secrets": "api/v1",
    "services": "api/v1",
    "serviceaccounts": "api/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
}
"""What a service has, by plurals of kinds, with their groups."""


def left(cluster: ControlPlane) -> list[str]:
    """Whatever is called as objects of a service are."""
    names = [one["metadata"]["name"] for plural, group in OBJECTS.items() for one in cluster.objects(plural, group)]
    return [name for name in names if name.startswith("eas-")]


def test_delete_leaves_nothing(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path, "--network-policy")
    assert eas(cluster, "modify", "scorer_v2", "--image", NEW_IMAGE, "--timeout", "0").code == 0
    with begun(cluster, "delete", "scorer_v2", "-y") as process:
        wait_for_line(process, "[OK] Service is terminating")
        cluster.wait_for_no_pods()
        cluster.end_deleted_pods()
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[OK] Service was deleted successfully"
    assert left(cluster) == []
    eas(cluster, "desc", "scorer_v2").fails_with(1, "no such service", cluster.namespace)


@pytest.mark.parametrize("missing", OBJECTS)
def test_delete_ends_what_another_one_began(cluster: ControlPlane, tmp_path: Path, missing: str) -> None:
    """Whatever that one had come to."""
    create(cluster, tmp_path, "--network-policy")
    for one in cluster.objects(missing, OBJECTS[missing]):
        if one["metadata"]["name"].startswith("eas-"):
            path = f"/{OBJECTS[missing]}/namespaces/{cluster.namespace}/{missing}/{one['metadata']['name']}"
            cluster.request("DELETE", path)
    ended = eas(cluster, "delete", "scorer_v2", "-y", "--timeout", "0")
    assert ended.code == 0, ended.stderr
    assert left(cluster) == []


def test_network_policy_stays_until_the_pods_are_gone(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path, "--network-policy")
    eas(cluster, "delete", "scorer_v2", "-y", "--timeout", "1").fails_with(1, "instances that end")
    assert len(left(cluster)) == len(cluster.objects("networkpolicies", OBJECTS["networkpolicies"])) == 1
    cluster.end_deleted_pods()
    ended = eas(cluster, "delete", "scorer_v2", "-y")
    assert ended.code == 0, ended.stderr
    assert left(cluster) == []
    eas(cluster, "delete", "scorer_v2", "-y").fails_with(1, "no such service")


def test_what_others_have_made_is_left_alone(cluster: ControlPlane, tmp_path: Path) -> None:
    """As by Helm, which has its releases in the same label; and a Deployment that happens to have the name."""
    base = "eas-echo"
    labels = {"app.kubernetes.io/instance": base, "app.kubernetes.io/managed-by": "Helm"}
    path = f"/api/v1/namespaces/{cluster.namespace}/configmaps"
    cluster.request("POST", path, {"metadata": {"name": "theirs", "labels": labels}})
    write(tmp_path, DESCRIPTION | {"name": "echo"})
    words = ("create", "service.json", "--image", IMAGE, "--token", "s", "--timeout", "0")
    assert eas(cluster, *words, cwd=tmp_path).code == 0
    assert eas(cluster, "delete", "echo", "-y", "--timeout", "0").code == 0
    assert "theirs" in [one["metadata"]["name"] for one in cluster.objects("configmaps")]

    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    thing = {"metadata": {"name": base, "labels": labels}, "spec": spec}
    cluster.request("POST", f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments", thing)
    for asked in (("delete", "echo", "-y"), ("scale", "echo", "3"), ("modify", "echo", "--image", NEW_IMAGE)):
        eas(cluster, *asked).fails_in_one_line(1, "echo", "not of eas-host", "app.kubernetes.io/managed-by")
    eas(cluster, *words, cwd=tmp_path).fails_with(1, "not of eas-host")
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    assert deployment["spec"]["replicas"] == 0


def test_role_edit_is_enough_where_there_are_no_routes(cluster: ControlPlane, tmp_path: Path) -> None:
    """Which it does not let anybody list: the cluster refuses that before it says that it knows no such kind."""
    cluster.allow_other("edit")
    write(tmp_path, DESCRIPTION)
    variables = {"KUBECONFIG": str(cluster.other_kubeconfig)}

    def ask(*words: str) -> Ended:
        last = ("--namespace", cluster.namespace, "--timeout", "0")
        return run(*words, *last, cwd=tmp_path, variables=variables)

    for words in (
        ("create", "service.json", "--image", IMAGE, "--token", "s3cret"),
        ("modify", "scorer_v2", "--image", NEW_IMAGE),
        ("version", "scorer_v2", "1"),
        ("delete", "scorer_v2", "-y"),
    ):
        ended = ask(*words)
        assert ended.code == 0, ended.stderr
    assert cluster.objects("deployments", "apis/apps/v1") == []
