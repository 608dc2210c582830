"""
EAS's names become names of Kubernetes, no two the same one.
"""

from __future__ import annotations

import itertools
import re

import pytest

from eas_host.cluster.names import HASH_DIGITS, SERVICE_LABEL, ObjectNames, is_namespace, object_name, only_labels

PLAIN = ["echo", "a", "echo-2", "0", "a" * 36]
OTHERS = [
    *("a_b", "a-b_", "_", "-", "Echo", "ECHO", "a.b", "a b", "a--b", "-a", "a-"),
    *("echo\n---\nkind: Pod", "模型", "é", "a" * 37, "a" * 38, "x" * 10_000),
    "echo-0123456789",  # looks as if it had a hash
    object_name("a_b").removeprefix("eas-"),  # is what another name becomes
]


@pytest.mark.parametrize("name", PLAIN)
def test_name_that_kubernetes_allows_is_kept(name: str) -> None:
    assert object_name(name) == f"eas-{name}"


def test_names_are_dns_labels_and_all_different() -> None:
    """With room for a further hash."""
    names = {name: object_name(name) for name in (*PLAIN, *OTHERS)}
    for made in names.values():
        assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", made), made
        assert len(made) + 1 + HASH_DIGITS <= 63
    assert [pair for pair in itertools.combinations(names, 2) if names[pair[0]] == names[pair[1]]] == []


def test_label_has_the_real_name_if_it_can() -> None:
    """And the annotation has it always."""
    assert ObjectNames("my_service.2").labels[SERVICE_LABEL] == "my_service.2"
    for name in ("_private", "模型", "x" * 64, "a b"):
        names = ObjectNames(name)
        assert names.labels[SERVICE_LABEL] == names.base == object_name(name)
        assert names.metadata()["annotations"] == {SERVICE_LABEL: name}


def test_only_what_can_be_a_label_becomes_one() -> None:
    """Nothing replaces the labels that pods are found by."""
    wanted = {"team": "a", "example.com/tier": "b_1", "empty": "", "bad key": "x", "number": 1, "long": "x" * 64}
    wanted |= {"line": "a\nb", "app.kubernetes.io/instance": "other", "eas/service": "other"}
    assert only_labels(wanted) == (("empty", ""), ("example.com/tier", "b_1"), ("team", "a"))


def test_namespace_is_a_dns_label() -> None:
    assert all(map(is_namespace, ("default", "a", "0", "a-1", "x" * 63)))
    assert not any(map(is_namespace, ("", "-a", "a-", "A", "a_b", "a.b", "a\n", "x" * 64, "a/b")))
