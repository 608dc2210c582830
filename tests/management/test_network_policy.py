"""
The NetworkPolicy of a service, and the one for a Prometheus, by the validation of a real API server: it takes them as
they are, with every field that it knows and none that it does not.
"""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.build import ROOT
from support.kubernetes import ControlPlane, Object
from support.manifests import PLAIN, URL, make_manifest
from support.services import cluster, plane

__all__ = ["cluster", "plane"]

STORES = {"storage": [{"mount_path": "/mnt/data", "oss": {"path": "oss://bucket/data"}}]}
POLICIES: dict[str, tuple[Object, tuple[str, ...]]] = {
    "plain": ({}, ()),
    "gateway-here": ({}, ("--gateway", "main")),
    "gateway-elsewhere": ({}, ("--gateway", "ingress/main")),
    "port": ({"processor_path": "http://models.example.com:65535/echo.tar.gz"}, ()),
    "address": ({"processor_path": "http://[2001:db8::1]/echo.tar.gz"}, ()),
    "no-port": ({"processor_path": "http://models.example.com:/echo.tar.gz"}, ()),
    "store": (STORES, ()),
    "name": ({"name": "a_" + "b" * 70, "labels": {"team": "search"}}, ()),
}


def sent(cluster: ControlPlane, policy: Object) -> Object:
    """What the API server makes of it. Strict: a field that it does not know is an error, as a doubled one is."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{cluster.namespace}/networkpolicies?fieldValidation=Strict"
    stored = cluster.request("POST", path, policy)
    assert isinstance(stored, dict)
    return stored


@pytest.mark.parametrize(("keys", "words"), POLICIES.values(), ids=POLICIES)
def test_policy_is_stored_as_it_is(cluster: ControlPlane, tmp_path: Path, keys: Object, words: tuple[str, ...]) -> None:
    policy = make_manifest(tmp_path, PLAIN | keys, "--network-policy", *words)["NetworkPolicy"]
    stored = sent(cluster, policy)
    assert stored["spec"] == policy["spec"]
    assert stored["metadata"]["labels"] == policy["metadata"]["labels"]


def test_policy_for_prometheus_is_stored_as_it_is(cluster: ControlPlane) -> None:
    policy = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "scrape-policy.yaml").read_text(encoding="utf-8"))
    assert sent(cluster, policy)["spec"] == policy["spec"]


WRONG: dict[str, tuple[list[str | int], Any]] = {
    "unknown-field": (["spec", "ingres"], []),
    "no-such-type": (["spec", "policyTypes"], ["Inbound"]),
    "port-too-large": (["spec", "egress", 0, "ports", 0, "port"], 65536),
    "name-of-no-port": (["spec", "ingress", 0, "ports", 0, "port"], "the-port-of-http-requests"),
    "label-of-no-namespace": (
        ["spec", "ingress", 0, "from", 1],
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "a/b"}}},
    ),
}


@pytest.mark.parametrize(("place", "value"), WRONG.values(), ids=WRONG)
def test_server_refuses_a_wrong_one(
    cluster: ControlPlane, tmp_path: Path, place: list[str | int], value: object
) -> None:
    """So what is stored was checked."""
    words = ("--network-policy", "--gateway", "ingress/main")
    policy = make_manifest(tmp_path, PLAIN | {"model_path": URL}, *words)["NetworkPolicy"]
    part: Any = policy
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    with pytest.raises(urllib.error.HTTPError) as raised:
        sent(cluster, policy)
    with raised.value as refused:
        assert refused.code in (400, 422), json.loads(refused.read())
