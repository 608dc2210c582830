"""
The rights of deploy/kubernetes/rbac.yaml, with a real API server that asks RBAC: with them each command works, and
without any one of them some command does not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from support.build import ROOT
from support.command import Ended, run
from support.kubernetes import ControlPlane, Object
from support.manifests import IMAGE
from support.services import DESCRIPTION, NEW_IMAGE, cluster, eas, plane, write

__all__ = ["cluster", "plane"]

RBAC = "apis/rbac.authorization.k8s.io/v1"
ROLE: Object = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "rbac.yaml").read_text(encoding="utf-8"))
NAME = "scorer_v2"
NEW_VERSION = "scorer_v2_green"
SCALED = DESCRIPTION | {"autoscaler": {"min": 2, "max": 4, "strategies": {"cpu": 50}}}
CREATE = ("create", "service.json", "--image", IMAGE, "--token", "s3cret", "--gateway", "main", "--network-policy")
"""A service that has objects of all kinds."""
AT_ONCE = ("--timeout", "0")
CREATE_NEW_VERSION = ("create", "service.json", "-D", "metadata.release=true", "--image", NEW_IMAGE, *AT_ONCE)
WATCH = ("release", NEW_VERSION, "--weight", "10", "--watch", "1", "--timeout", "1")
ROUTES = "httproutes.gateway.networking.k8s.io"


class Right(NamedTuple):
    group: str
    resource: str
    verb: str


def rights() -> list[Right]:
    """All that the role has."""
    found = [
        Right(group, resource, verb)
        for rule in ROLE["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert len(set(found)) == len(found)
    return found


DELETED = (
    "httproutes",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "services",
    "serviceaccounts",
    "configmaps",
    "secrets",
    "deployments",
    "networkpolicies",
)
"""In the order in which `delete` does it: what it may not delete is still there for the next test."""
USERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("deployments", "get"): ("desc", NAME),
    ("deployments", "list"): ("list",),
    ("secrets", "get"): ("token", NAME),
    ("replicasets", "list"): ("desc", NAME),
    ("events", "list"): ("events", NAME),
    ("pods", "list"): ("w", NAME),
    ("pods/log", "get"): ("logs", NAME),
}
"""Which command needs a right; of the others see `user_of`."""


def user_of(right: Right, pod: str) -> tuple[str, ...]:
    """A command that needs it."""
    if right.resource == "pods" and right.verb == "delete":
        return ("dw", NAME, pod, "-y")
    if right.verb in ("create", "patch"):
        return (*CREATE, "--name", "other", *AT_ONCE)
    return USERS.get((right.resource, right.verb), ("delete", NAME, "-y", *AT_ONCE))


@pytest.fixture(scope="module")
def routes(plane: ControlPlane) -> Iterator[None]:
    """The kind HTTPRoute, of which this cluster knows nothing; what may be in one is not checked."""
    open_schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": ROUTES, "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Namespaced",
            "names": {
                "kind": "HTTPRoute",
                "plural": "httproutes",
                "singular": "httproute",
                "listKind": "HTTPRouteList",
            },
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": open_schema}}],
        },
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    plane.request("POST", path, definition)
    plane.wait_for(lambda: plane.objects("httproutes", "apis/gateway.networking.k8s.io/v1") == [])
    yield
    plane.request("DELETE", f"{path}/{ROUTES}")


PROXY = Right("", "pods/proxy", "get")
"""Only who watches a new version uses it, which a test of its own makes."""


class Manager:
    """The user `other`, who has the role in the namespace."""

    def __init__(self, cluster: ControlPlane, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._roles = f"/{RBAC}/namespaces/{cluster.namespace}/roles"
        cluster.request("POST", self._roles, ROLE)
        binding = {
            "metadata": {"name": "eas-host"},
            "subjects": [{"kind": "User", "name": "other", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": "Role", "name": "eas-host", "apiGroup": "rbac.authorization.k8s.io"},
        }
        cluster.request("POST", f"/{RBAC}/namespaces/{cluster.namespace}/rolebindings", binding)
        self._wait_for(rights()[-1], allowed=True)

    def eas(self, *words: str, namespace: str = "") -> Ended:
        variables = {"KUBECONFIG": str(self._cluster.other_kubeconfig)}
        place = ("--namespace", namespace or self._cluster.namespace)
        return run(*words, *place, variables=variables, cwd=self._folder)

    def lose(self, right: Right) -> None:
        """Has all rights but this one."""
        changed = copy.deepcopy(ROLE["rules"])
        for rule in changed:
            if right.group in rule["apiGroups"] and right.resource in rule["resources"]:
                others = [one for one in rule["resources"] if one != right.resource]
                changed.append({**rule, "resources": others})
                rule["resources"] = [right.resource]
                rule["verbs"] = [verb for verb in rule["verbs"] if verb != right.verb]
        self._replace([rule for rule in changed if rule["resources"] and rule["verbs"]])
        self._wait_for(right, allowed=False)

    def regain(self, right: Right) -> None:
        self._replace(ROLE["rules"])
        self._wait_for(right, allowed=True)

    def _replace(self, rules: list[Object]) -> None:
        self._cluster.request("PATCH", f"{self._roles}/eas-host", {"rules": rules})

    def _wait_for(self, right: Right, *, allowed: bool) -> None:
        resource, _, part = right.resource.partition("/")
        asked = {"namespace": self._cluster.namespace, "group": right.group, "resource": resource, "verb": right.verb}
        review = {"spec": {"user": "other", "resourceAttributes": {**asked, "subresource": part}}}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        self._cluster.wait_for(lambda: self._cluster.request("POST", path, review)["status"]["allowed"] is allowed)


@pytest.fixture
def manager(cluster: ControlPlane, routes: None, tmp_path: Path) -> Manager:
    del routes
    write(tmp_path, SCALED)
    return Manager(cluster, tmp_path)


def test_each_command_works_with_these_rights(cluster: ControlPlane, manager: Manager) -> None:
    """In this namespace, and in no other."""
    created = manager.eas(*CREATE, *AT_ONCE)
    assert created.code == 0, created.stderr
    for pod in cluster.wait_for_pods(2):
        cluster.report_ready(pod)
    pod = cluster.pods()[0]["metadata"]["name"]
    commands: list[tuple[str, ...]] = [
        ("list",),
        ("desc", NAME),
        ("versions", NAME),
        ("w", NAME),
        ("events", NAME),
        ("token", NAME),
        ("token", NAME, "--rotate", *AT_ONCE),
        ("modify", NAME, "--image", NEW_IMAGE, *AT_ONCE),
        ("version", NAME, "1", *AT_ONCE),
        ("restart", NAME, *AT_ONCE),
        ("dw", NAME, pod, "-y"),
        CREATE_NEW_VERSION,
        ("release", NEW_VERSION, "--weight", "0"),
        ("delete", NEW_VERSION, "-y", *AT_ONCE),
        ("modify", NAME, "-D", "autoscaler=", *AT_ONCE),
        ("scale", NAME, "1", *AT_ONCE),
        ("stop", NAME, *AT_ONCE),
        ("start", NAME, *AT_ONCE),
        ("delete", NAME, "-y", *AT_ONCE),
    ]
    for words in commands:
        ended = manager.eas(*words)
        assert ended.code == 0, f"{words}: {ended.stderr}"
    manager.eas("list", namespace="default").fails_with(1, "forbidden")


def test_without_any_one_of_them_some_command_fails(cluster: ControlPlane, manager: Manager) -> None:
    """And says which right it lacks."""
    created = manager.eas(*CREATE, *AT_ONCE)
    assert created.code == 0, created.stderr
    pod = cluster.wait_for_pods(2)[0]["metadata"]["name"]
    logs = manager.eas("logs", NAME)  # here no kubelet has one; the right to ask for it is another matter
    assert "forbidden" not in logs.stderr
    last = sorted(rights(), key=lambda one: (one.verb == "delete" and one.resource in DELETED, place_of(one)))
    for right in last:
        if right == PROXY:
            continue
        manager.lose(right)
        ended = manager.eas(*user_of(right, pod))
        assert ended.code == 1, f"{right} is not needed by {user_of(right, pod)}: {ended.stdout}"
        assert "forbidden" in ended.stderr, f"{right}: {ended.stderr}"
        assert right.resource.partition("/")[0] in ended.stderr
        manager.regain(right)
    assert manager.eas("delete", NAME, "-y", *AT_ONCE).code == 0
    assert [one["metadata"]["name"] for one in cluster.objects("deployments", "apis/apps/v1")] == []


def test_without_the_proxy_no_new_version_can_be_watched(cluster: ControlPlane, manager: Manager) -> None:
    """Nothing is released then."""
    assert manager.eas(*CREATE, *AT_ONCE).code == 0
    assert manager.eas(*CREATE_NEW_VERSION).code == 0
    for pod in cluster.wait_for_pods(4):
        cluster.report_ready(pod)
    cluster.wait_for(lambda: all(shown(manager, name)["RunningInstance"] == 2 for name in (NAME, NEW_VERSION)))
    watched = manager.eas(*WATCH)  # here no instance answers; the right to ask it is another matter
    assert watched.code == 1
    assert "forbidden" not in watched.stderr
    manager.lose(PROXY)
    manager.eas(*WATCH).fails_in_one_line(1, "forbidden", "pods/proxy")
    assert shown(manager, NEW_VERSION)["TrafficState"] == "standalone"


def shown(manager: Manager, name: str) -> Object:
    found: Object = json.loads(manager.eas("desc", name, "--json").stdout)
    return found


def place_of(right: Right) -> int:
    return DELETED.index(right.resource) if right.resource in DELETED else -1


def test_who_may_not_read_secrets_may_still_look(cluster: ControlPlane, manager: Manager) -> None:
    """At all but the token."""
    assert manager.eas(*CREATE, *AT_ONCE).code == 0
    manager.lose(Right("", "secrets", "get"))
    shown = json.loads(manager.eas("desc", NAME, "--json").stdout)
    assert (shown["ServiceName"], shown["AccessToken"]) == (NAME, "")
    assert json.loads(eas(cluster, "desc", NAME, "--json").stdout)["AccessToken"] == "s3cret"
