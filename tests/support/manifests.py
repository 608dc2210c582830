"""
What `eas-host manifest` prints: made, read back, and checked as a cluster would, by the schemas of several Kubernetes.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from support.command import Ended, run

Object = dict[str, Any]

IMAGE = "registry.example.com/eas-host:1"
VERSIONS = ("1.30", "1.34", "1.37")
"""Those of Kubernetes: the first that can sleep before it stops a pod, one between, and a recent one."""
URL = "https://models.example.com/echo.tar.gz"
PLAIN: Object = {"name": "echo", "processor_path": URL, "processor_entry": "app.py", "processor_type": "python"}
"""A description that a pod can serve."""

_DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
# From the CRD of gateway.networking.k8s.io/v1.
_ROUTE_PATH = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")


def print_manifest(folder: Path, description: Object | str, *words: str) -> Ended:
    """Has the command print that of *description*, which is written into *folder*."""
    text = description if isinstance(description, str) else json.dumps(description)
    (folder / "service.json").write_text(text, encoding="utf-8")
    return run("manifest", "service.json", "--image", IMAGE, *words, cwd=folder)


def make_manifest(folder: Path, description: Object | str, *words: str) -> dict[str, Object]:
    """The objects for *description*, by their kinds, each checked."""
    ended = print_manifest(folder, description, *words)
    assert ended.code == 0, ended.stderr
    return read_objects(ended.stdout)


def read_objects(text: str) -> dict[str, Object]:
    """The objects in the YAML *text*, by their kinds, each checked."""
    objects: list[Object] = list(yaml.safe_load_all(text))
    check(objects)
    by_kind = {one["kind"]: one for one in objects}
    assert len(by_kind) == len(objects)
    return by_kind


def container_of(objects: dict[str, Object]) -> Object:
    """The one container of the pods."""
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def pod_of(objects: dict[str, Object]) -> Object:
    """What the pods are made of."""
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert isinstance(pod, dict)
    return pod


def description_of(objects: dict[str, Object]) -> Object:
    """The description that the pods get."""
    content = json.loads(objects["ConfigMap"]["data"]["service.json"])
    assert isinstance(content, dict)
    return content


def check(objects: list[Object]) -> None:
    """Demands what a cluster demands: schemas, names, labels, and that whatever is referred to is there."""
    for one in objects:
        if one["kind"] == "HTTPRoute":
            _check_route(one)
        else:
            for version in VERSIONS:
                _validator(one["kind"], one["apiVersion"], version).validate(one)
        metadata = one["metadata"]
        assert _DNS_LABEL.fullmatch(metadata["name"]), metadata["name"]
        assert all(_LABEL.fullmatch(value) for value in metadata["labels"].values()), metadata["labels"]
    _check_references({one["kind"]: one for one in objects})


@cache
def _validator(kind: str, api_version: str, version: str) -> Draft202012Validator:
    """As `kubernetes_validate.validate` makes it with each call. Strict: an unknown field is an error."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = schema_contents(f"{_folder(version)}/{kind.lower()}-{group}.json", version)
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    registry: Registry[Any] = Registry()
    return Resource.from_contents(schema_contents(f"{_folder(version)}/_definitions.json", version)) @ registry


def _folder(version: str) -> str:
    return f"kubernetes-json-schema/v{version}.0-local-strict"


def _check_route(route: Object) -> None:
    assert set(route) == {"apiVersion", "kind", "metadata", "spec"}
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert set(route["spec"]) == {"parentRefs", "rules"}
    assert all(set(parent) <= {"name", "namespace"} for parent in route["spec"]["parentRefs"])
    (rule,) = route["spec"]["rules"]
    assert set(rule) == {"matches", "timeouts", "backendRefs"}
    path = rule["matches"][0]["path"]
    assert path["type"] == "PathPrefix"
    assert _ROUTE_PATH.fullmatch(path["value"])
    assert len(path["value"]) <= 1024
    assert not any(wrong in path["value"].lower() for wrong in ("//", "/./", "/../", "%2f", "#"))
    assert not path["value"].endswith(("/..", "/."))
    assert _DURATION.fullmatch(rule["timeouts"]["request"])
    assert set(rule["backendRefs"][0]) == {"name", "port"}


def _check_references(objects: dict[str, Object]) -> None:
    deployment = objects["Deployment"]
    template = deployment["spec"]["template"]
    pod, container = template["spec"], template["spec"]["containers"][0]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= template["metadata"]["labels"].items()
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert len(set(paths)) == len(paths)
    assert volumes["description"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    assert ("token" in volumes) == ("Secret" in objects) == ("@/etc/eas-token/tokens" in container["args"])
    if "token" in volumes:
        assert volumes["token"]["secret"]["secretName"] == objects["Secret"]["metadata"]["name"]
    assert pod["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]
    if "HTTPRoute" in objects:
        (backend,) = objects["HTTPRoute"]["spec"]["rules"][0]["backendRefs"]
        assert backend["name"] == objects["Service"]["metadata"]["name"]
        assert backend["port"] == objects["Service"]["spec"]["ports"][0]["port"]
    assert {one["metadata"].get("namespace") for one in objects.values()} == {
        deployment["metadata"].get("namespace"),
    }
