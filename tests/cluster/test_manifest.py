"""
The objects for a service: the same each time, valid for several Kubernetes, and each key that is honoured changes them.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from support.build import ROOT
from support.command import run
from support.manifests import (
    IMAGE,
    PLAIN,
    URL,
    container_of,
    description_of,
    make_manifest,
    pod_of,
    print_manifest,
    read_objects,
)

EXPECTED = Path(__file__).parent / "expected"
FULL = ("--gateway", "ingress/main", "--namespace", "models", "--network-policy")


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_manifest_of_an_example_is_what_is_expected(language: str) -> None:
    """To write the files anew: EAS_TEST_WRITE=1. What has changed, its author then reads."""
    file = ROOT / "examples" / "image_classification" / language / "service.json"
    ended = run("manifest", file, "--image", IMAGE, "--files-in-image", *FULL, "-D", "token=s3cret")
    assert ended.code == 0, ended.stderr
    objects = read_objects(ended.stdout)
    assert description_of(objects)["name"] == f"digits_{language}"
    expected = EXPECTED / f"digits_{language}.yaml"
    if os.environ.get("EAS_TEST_WRITE"):
        expected.write_text(ended.stdout, encoding="utf-8")
    assert ended.stdout == expected.read_text(encoding="utf-8")


def test_manifest_is_the_same_each_time(tmp_path: Path) -> None:
    """Whatever the environment of who makes it; hashes of texts differ from process to process otherwise."""
    description = PLAIN | {
        "token": "s3cret",
        "labels": {"b": "1", "a": "2"},
        "storage": storage("/x/b", "/y/a", "/x/a"),
    }
    first = print_manifest(tmp_path, description, *FULL)
    assert first.code == 0, first.stderr
    for variables in ({"PYTHONHASHSEED": "1"}, {"EAS_HOST_CACHE": "/elsewhere", "EAS_HOST_WORKER_THREADS": "9"}):
        again = run("manifest", "service.json", "--image", IMAGE, *FULL, cwd=tmp_path, variables=variables)
        assert again.stdout == first.stdout


def test_json_is_a_list_of_the_same_objects(tmp_path: Path) -> None:
    by_kind = make_manifest(tmp_path, PLAIN, *FULL)
    whole = json.loads(print_manifest(tmp_path, PLAIN, *FULL, "--json").stdout)
    assert (whole["apiVersion"], whole["kind"]) == ("v1", "List")
    assert {one["kind"]: one for one in whole["items"]} == by_kind


def test_what_is_made_without_being_asked_for(tmp_path: Path) -> None:
    """One pod, that is replaced by another before it goes, and that is not root."""
    objects = make_manifest(tmp_path, PLAIN)
    assert list(objects) == ["ServiceAccount", "ConfigMap", "Service", "Deployment", "PodDisruptionBudget"]
    spec = objects["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    assert objects["ConfigMap"]["immutable"] is True
    budget = objects["PodDisruptionBudget"]["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    pod, container = pod_of(objects), container_of(objects)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (first,) = pod["initContainers"]
    assert first["securityContext"] == container["securityContext"]
    assert "resources" not in container
    assert "envFrom" not in container
    for probe, path in (("startup", "ping?ready=true"), ("readiness", "ping?ready=true"), ("liveness", "ping")):
        asked = container[f"{probe}Probe"]
        assert asked["httpGet"] == {"path": f"/api/builtin/{path}", "port": "http"}
        assert asked["timeoutSeconds"] >= 2
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] < spec["progressDeadlineSeconds"]


def storage(*paths: str) -> list[dict[str, Any]]:
    return [{"mount_path": path, "oss": {"path": f"oss://bucket{path}"}} for path in paths]


def rolling(**keys: object) -> dict[str, Any]:
    return {"metadata": {"rolling_strategy": keys}}


HONOURED: list[tuple[dict[str, Any], str, Any]] = [
    ({"metadata": {"instance": 3}}, "Deployment.spec.replicas", 3),
    ({"metadata.instance": "0"}, "Deployment.spec.replicas", 0),
    ({"metadata": {"cpu": 2}}, "container.resources.requests.cpu", "2"),
    ({"metadata": {"cpu": 1.5}}, "container.resources.limits.cpu", "1500m"),
    ({"metadata": {"memory": "4000"}}, "container.resources.limits.memory", "4000Mi"),
    ({"metadata": {"gpu": 1}}, "container.resources.limits.nvidia\0com/gpu", "1"),
    ({"metadata": {"disk": "30Gi"}}, "container.resources.requests.ephemeral-storage", "30Gi"),
    (rolling(max_surge=2), "Deployment.spec.strategy.rollingUpdate.maxSurge", 2),
    (rolling(max_surge="25%"), "Deployment.spec.strategy.rollingUpdate.maxSurge", "25%"),
    (rolling(max_unavailable="1"), "Deployment.spec.strategy.rollingUpdate.maxUnavailable", 1),
    (
        {"metadata.rolling_strategy.max_unavailable": 1},
        "Deployment.spec.strategy.rollingUpdate.maxUnavailable",
        1,
    ),
    (
        {"metadata": {"scheduling": {"spread": {"policy": "zone"}}}},
        "pod.topologySpreadConstraints.0.topologyKey",
        "topology.kubernetes.io/zone",
    ),
    (
        {"metadata": {"scheduling": {"spread.policy": "host"}}},
        "pod.topologySpreadConstraints.0.topologyKey",
        "kubernetes.io/hostname",
    ),
    ({"runtime": {"termination_grace_period": 90}}, "pod.terminationGracePeriodSeconds", 105),
    ({"metadata": {"rpc": {"keepalive": 60_500}}}, "HTTPRoute.spec.rules.0.timeouts.request", "66s"),
    ({"labels": {"team": "search"}}, "Deployment.metadata.labels.team", "search"),
    ({"autoscaler": {"min": 2, "max": 5, "strategies": {"qps": 10}}}, "HorizontalPodAutoscaler.spec.maxReplicas", 5),
    (
        {"autoscaler": {"min": 2, "max": 5, "strategies": {"qps": 10.5}}},
        "HorizontalPodAutoscaler.spec.metrics.0.pods.target.averageValue",
        "10500m",
    ),
    (
        {"autoscaler": {"min": 0, "max": 5, "strategies": {"cpu": 60}}, "metadata": {"cpu": 1}},
        "HorizontalPodAutoscaler.spec.metrics.0.resource.target.averageUtilization",
        60,
    ),
    (
        {"autoscaler": {"max": 5, "strategies": {"qps": 1}, "behavior": {"scaleDown.stabilizationWindowSeconds": 60}}},
        "HorizontalPodAutoscaler.spec.behavior.scaleDown.stabilizationWindowSeconds",
        60,
    ),
]


SPELLED_OUT = {"metadata": {"scheduling": {"spread.policy": "host"}}}
"""What is done without the key, too."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_manifest(tmp_path_factory.mktemp("plain"), PLAIN, *FULL)


@pytest.mark.parametrize(("keys", "place", "value"), HONOURED, ids=[f"{one[0]}" for one in HONOURED])
def test_key_that_is_honoured_is_in_the_manifest(
    tmp_path: Path, plain: dict[str, Any], keys: dict[str, Any], place: str, value: object
) -> None:
    """And nothing says that it is ignored."""
    ended = print_manifest(tmp_path, PLAIN | keys, *FULL)
    assert ended.code == 0, ended.stderr
    assert "ignored" not in ended.stderr
    found = find(read_objects(ended.stdout), place)
    assert found == value
    assert found != find(plain, place) or keys == SPELLED_OUT


def find(objects: dict[str, Any], place: str) -> Any:  # noqa: ANN401  whatever is there
    value: Any = {**objects, "pod": pod_of(objects), "container": container_of(objects)}
    for step in (step.replace("\0", ".") for step in place.split(".")):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = (value or {}).get(step)
    return value


def test_shared_memory_and_storage_are_volumes(tmp_path: Path) -> None:
    """What the cluster mounts, the host in the pod does not hear of; what that fetches, it has room to link."""
    entries = [
        {"mount_path": "/mnt/nas", "nfs": {"server": "nas.example.com", "path": "/models", "readOnly": True}},
        {"mount_path": "/scratch", "empty_dir": {}},
        {"mount_path": "/fast", "empty_dir": {"medium": "memory"}},
        *storage("/data/features", "/data/more", "/home/admin/docker_ml/workspace/extra", "inside"),
    ]
    objects = make_manifest(tmp_path, PLAIN | {"metadata": {"shm_size": 2}, "storage": entries})
    volumes = {volume.pop("name"): volume for volume in pod_of(objects)["volumes"]}
    mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in container_of(objects)["volumeMounts"]}
    shared = mounted["/dev/shm"]  # noqa: S108  the pod's own
    assert shared == {"emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
    assert mounted["/mnt/nas"] == {"nfs": {"server": "nas.example.com", "path": "/models", "readOnly": True}}
    assert mounted["/scratch"] == mounted["/data"] == {"emptyDir": {}}
    assert mounted["/fast"] == {"emptyDir": {"medium": "Memory"}}
    assert not any(path.startswith(("/home", "/data/", "inside")) for path in mounted)
    assert [entry["mount_path"] for entry in description_of(objects)["storage"]] == [
        entry["mount_path"] for entry in entries[3:]
    ]
    assert container_of(objects)["envFrom"] == [{"secretRef": {"name": "eas-storage", "optional": True}}]


def test_token_is_in_the_secret_alone(tmp_path: Path) -> None:
    """As a file of the hosts, too. With another one all else is the same, so no pod is replaced."""
    others = []
    for description, words in (({"token": "s3cret"}, ()), ({}, ("--token", "0ther")), ({}, ("-D", "token=third"))):
        objects = make_manifest(tmp_path, PLAIN | description, *words)
        token = base64.b64decode(objects["Secret"]["data"]["token"]).decode()
        assert token in ("s3cret", "0ther", "third")
        assert base64.b64decode(objects["Secret"].pop("data")["tokens"]).decode() == f"{token}\n"
        assert token not in json.dumps(objects)
        assert "token" not in description_of(objects)
        assert "immutable" not in objects["Secret"]
        others.append(objects)
    assert others == [others[0]] * 3
    content = "s3cret\nold\t2100-01-01T00:00:00Z\n"
    (tmp_path / "token").write_text(content, encoding="utf-8")
    data = make_manifest(tmp_path, PLAIN, "--token", f"@{tmp_path}/token")["Secret"]["data"]
    assert base64.b64decode(data["token"]) == b"s3cret"
    assert base64.b64decode(data["tokens"]).decode() == content


def test_only_another_version_of_the_service_makes_other_pods(tmp_path: Path) -> None:
    """Not another number of them; so that is set at once, as in EAS."""

    def template(*words: str) -> Any:  # noqa: ANN401  JSON
        return make_manifest(tmp_path, PLAIN, *words)["Deployment"]["spec"]["template"]

    plain = template()
    assert template("-D", "metadata.instance=4") == plain
    assert template("-D", 'autoscaler={"max": 4, "strategies": {"qps": 3}}') == plain
    assert template("-D", "model_config=x") != plain
    assert template("--worker-processes", "2") != plain


def test_autoscaling_leaves_the_number_of_pods_alone(tmp_path: Path) -> None:
    keys = {"metadata": {"instance": 3}, "autoscaler": {"min": 0, "max": 5, "strategies": {"qps": 10}}}
    objects = make_manifest(tmp_path, PLAIN | keys)
    assert "replicas" not in objects["Deployment"]["spec"]
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    assert scaler["minReplicas"] == 1
    assert scaler["scaleTargetRef"]["name"] == objects["Deployment"]["metadata"]["name"]


def test_network_policy_lets_in_the_gateway_and_out_to_urls(tmp_path: Path) -> None:
    description = PLAIN | {"model_path": "http://models.example.com:8081/m.bin"}
    policy = make_manifest(tmp_path, description, *FULL)["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    sources = policy["ingress"][0]["from"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}} in sources
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 443, 8081]


def test_options_become_those_of_the_hosts_in_the_pods(tmp_path: Path) -> None:
    """As the words that a shell would pass; Kubernetes replaces $(NAME) in them, which $$ prevents."""
    words = ("--worker-processes", "2", "--no-retry", "--cors", "https://a.example", "--log-format", "text")
    args = container_of(make_manifest(tmp_path, PLAIN | {"name": "$(HOME)"}, *words, "--name", "$(PATH)"))["args"]
    assert args[:2] == ["serve", "/processor/service.json"]
    for word in ("--worker-processes=2", "--no-retry", "--cors=https://a.example", "--name=$$(PATH)"):
        assert word in args
    assert [word for word in args if "log-format" in word] == ["--log-format=text"]


HOSTILE = [
    *("a\n---\nkind: Pod", 'a"', "a'b", "a: b", "# a", "{{a}}", "$(HOME)", "%2f", "%", "..a", "x" * 900, "- a", "yes"),
    *("1e3", "2026-01-31", "null", "模型", "é\u0301", "\U0001f600", "a\\b", "a\tb", "!tag", "&a", "*a", "|", "~", "?"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_description_cannot_break_out_of_the_manifest(tmp_path: Path, text: str) -> None:
    """What is read back is what the description has, wherever it stands; a name that cannot be one is refused."""
    printable = "".join(letter for letter in text if letter.isprintable())
    rest: dict[str, Any] = PLAIN | {
        "model_config": f"{text}\n---\nkind: Secret\n",
        "processor_envs": [{"name": "A", "value": text}],
        "labels": {text: text},
        "storage": [{"mount_path": "/mnt/x", "nfs": {"server": printable, "path": "/x"}}],
    }
    if not text.isprintable():
        print_manifest(tmp_path, rest | {"name": text}, *FULL).fails_with(2, "name: ", "cannot be a part of a URL")
    objects = make_manifest(tmp_path, rest | ({"name": text} if text.isprintable() else {}), *FULL)
    assert objects["Service"]["metadata"]["annotations"] == {"eas/service": text if text.isprintable() else "echo"}
    kinds = ["ServiceAccount", "ConfigMap", "Service", "Deployment", "PodDisruptionBudget", "HTTPRoute"]
    assert list(objects) == [*kinds, "NetworkPolicy"]
    found = description_of(objects)
    assert (found["model_config"], found["processor_envs"]) == (rest["model_config"], rest["processor_envs"])
    nfs = next(volume["nfs"] for volume in pod_of(objects)["volumes"] if "nfs" in volume)
    assert nfs["server"] == rest["storage"][0]["nfs"]["server"]


def test_services_with_similar_names_share_no_object(tmp_path: Path) -> None:
    """`a_b` and `a-b` are two services in EAS."""
    made = {}
    for name in ("a_b", "a-b", "A-b"):
        objects = make_manifest(tmp_path, PLAIN | {"name": name, "token": "x"}, *FULL)
        made[name] = {(kind, one["metadata"]["name"]) for kind, one in objects.items()}
        assert objects["HTTPRoute"]["spec"]["rules"][0]["matches"][0]["path"]["value"] == f"/api/predict/{name}"
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(made.values(), 2))


def test_several_models_are_one_service(tmp_path: Path) -> None:
    models = [{"name": "a", "processor": "p"}, {"name": "b", "processor": "p", "model_path": f"{URL}2"}]
    processors = [{"name": "p", "processor_path": URL, "processor_entry": "app.py", "processor_type": "python"}]
    objects = make_manifest(tmp_path, {"name": "shop", "models": models, "processors": processors})
    assert description_of(objects) == {"name": "shop", "models": models, "processors": processors}
