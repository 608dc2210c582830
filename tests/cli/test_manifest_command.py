"""
`eas-host manifest`: what it refuses, and what it says beside what it prints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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


def test_local_files_are_refused_one_a_line(tmp_path: Path) -> None:
    """What, where, and what to do; no pod could fetch them."""
    text = '{"name": "x", "processor_entry": "liba.so",\n "processor_path": "build/",\n "model_path": "../m.bin"}'
    ended = print_manifest(tmp_path, text)
    assert (ended.code, ended.stdout) == (1, "")
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("service.json:2:20: processor_path: build/ is a file of this machine, which no pod can")
    assert lines[0].endswith("expected a URL, or an image that has it as /processor/build, with --files-in-image")
    assert "service.json:3:16: model_path: ../m.bin is a file" in lines[1]
    assert "as /m.bin, with" in lines[1]
    assert lines[2:] == ["eas-host: service.json names 2 files of this machine"]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"processor_path": "file:///x/a.tar.gz"}, "processor_path"),
        ({"processor_path": None}, "processor_entry"),
        ({"warm_up_data_path": "w.txt"}, "warm_up_data_path"),
        ({"storage": [{"mount_path": "/mnt/a", "oss": {"path": "./a"}}]}, "storage[0].oss.path"),
        ({"storage": [{"mount_path": "/mnt/a", "hostPath": {"path": "/a"}}]}, "storage[0].hostPath.path"),
        ({"models": [{"name": "a", "model_path": "/m"}]}, "models[0].model_path"),
        (
            {"processor_path": None, "processor": "p", "processors": [{"name": "p", "processor_path": "./p"}]},
            "processors[0].processor_path",
        ),
    ],
    ids=str,
)
def test_each_key_that_names_a_local_file_is_found(tmp_path: Path, keys: dict[str, Any], key: str) -> None:
    ended = print_manifest(tmp_path, PLAIN | keys)
    ended.fails_in_one_line(1, f": {key}: ", "is a file of this machine")


def test_files_in_the_image_and_below_a_mount_are_fine(tmp_path: Path) -> None:
    """Relative paths then begin where the description is mounted, and nothing else of that folder is hidden."""
    objects = make_manifest(tmp_path, PLAIN | {"processor_path": "build/"}, "--files-in-image")
    assert description_of(objects)["processor_path"] == "build/"
    mount = next(one for one in container_of(objects)["volumeMounts"] if one["name"] == "description")
    assert (mount["mountPath"], mount["subPath"]) == ("/processor/service.json", "service.json")
    nas = [{"mount_path": "/mnt/nas/", "nfs": {"server": "nas", "path": "/"}}]
    objects = make_manifest(tmp_path, PLAIN | {"model_path": "/mnt/nas/m.bin", "storage": nas})
    assert description_of(objects)["model_path"] == "/mnt/nas/m.bin"
    ended = print_manifest(tmp_path, PLAIN | {"model_path": "/mnt/nas/../m.bin", "storage": nas})
    ended.fails_in_one_line(1, "/mnt/nas/../m.bin is a file of this machine")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"metadata": {"instance": "two"}}, 'metadata.instance: "two" is no number of instances; expected a whole one'),
    ({"metadata": {"instance": -1}}, "metadata.instance: -1 is no number"),
    ({"metadata": {"instance": 1.5}}, "metadata.instance: 1.5 is no number"),
    ({"metadata": {"cpu": "500m"}}, 'metadata.cpu: "500m" is no number of CPUs; expected one above 0'),
    ({"metadata": {"cpu": 0.0001}}, "metadata.cpu: 0.0001 is no number"),
    ({"metadata": {"cpu": True}}, "metadata.cpu: true is no number"),
    ({"metadata": {"memory": "4G"}}, 'metadata.memory: "4G" is no number of megabytes'),
    ({"metadata": {"memory": [1]}}, "metadata.memory: a list is no number"),
    ({"metadata": {"gpu": 65}}, "metadata.gpu: 65 is no number of GPUs; expected a whole one from 0 to 64"),
    ({"metadata": {"disk": "30"}}, 'metadata.disk: "30" is no size; expected one such as 30Gi'),
    ({"metadata": {"rolling_strategy": {"max_surge": "x"}}}, 'max_surge: "x" is no number of instances'),
    ({"metadata": {"rolling_strategy": {"max_surge": 0}}}, "max_surge and max_unavailable are both 0"),
    ({"metadata": {"scheduling.spread.policy": "rack"}}, 'policy: "rack" is unknown; expected default, host or zone'),
    ({"autoscaler": {"min": 1, "max": 3}}, "autoscaler.strategies: it has neither cpu nor qps"),
    ({"autoscaler": {"max": 3, "strategies": {"cpu": 50}}}, "strategies.cpu: is a share of metadata.cpu, which is"),
    ({"autoscaler": {"min": 4, "max": 3, "strategies": {"qps": 5}}}, "autoscaler.max: 3 is less than min, 4"),
    ({"storage": [{"mount_path": "/a", "nfs": {"path": "/"}}]}, "storage[0].nfs: it has no server"),
    ({"storage": [{"mount_path": "a", "empty_dir": {}}]}, 'storage[0].mount_path: "a" cannot be mounted'),
    ({"storage": [{"mount_path": "/processor", "empty_dir": {}}]}, "/processor: storage[] cannot be mounted there"),
    ({"storage": [{"mount_path": "/var/cache/eas-host", "empty_dir": {}}]}, "where the pod has something else"),
    ({"storage": [{"mount_path": "/models", "oss": {"path": "oss://b/m/"}}]}, "/models: storage[] cannot be made"),
    ({"storage": [{"mount_path": "/usr/lib/x", "oss": {"path": "oss://b/m/"}}]}, "such as /mnt/data"),
    (
        {"storage": [{"mount_path": "/mnt/a", "oss": {"path": "oss://b/"}, "nfs": {"server": "a", "path": "/"}}]},
        "storage[0]: it has several sources",
    ),
    ({"name": None}, "it has no name; expected one"),
    ({"name": "模" * 200}, "has a path of"),
    ({"generate_token": True}, "generate_token: a manifest is the same each time"),
    ({"processor_path": None, "processor_entry": None}, "processor_path is missing"),
]


@pytest.mark.parametrize(("keys", "message"), WRONG, ids=[f"{keys}"[:60] for keys, _ in WRONG])
def test_wrong_value_is_refused_in_one_line(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    ended = print_manifest(tmp_path, PLAIN | keys, "--gateway", "main", "-q")
    ended.fails_in_one_line(2, message)
    assert ended.stdout == ""


def test_all_wrong_values_are_reported_at_once(tmp_path: Path) -> None:
    ended = print_manifest(tmp_path, PLAIN | {"metadata": {"instance": -1, "cpu": "x"}}, "-D", "metadata.gpu=x")
    ended.fails_with(2, "service.json has 3 mistakes")
    lines = ended.stderr.splitlines()[:-1]
    assert [line.split(": ")[1] for line in lines] == ["metadata.instance", "metadata.cpu", "metadata.gpu"]
    assert lines[2].startswith("-D metadata.gpu: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--image", "a b"), "--image: 'a b' is no name of an image"),
        (("--namespace", "a_b"), "--namespace: 'a_b' cannot be a name in Kubernetes"),
        (("--gateway", "a/b/c"), "--gateway: a/b/c: has several slashes"),
        (("--gateway", "/b"), "--gateway: '' cannot be a name"),
        (("--entry", "app.py"), "--entry: has no place in a manifest"),
        (("--listen", "0.0.0.0:1"), "--listen: has no place in a manifest"),
        (("--port", "1"), "--port: has no place in a manifest"),
        (("--reload",), "--reload: has no place in a manifest"),
        (("--keepalive", "x"), "--keepalive: 'x': expected a whole number"),
        (("--generate-token",), "--generate-token: generate_token: a manifest is the same each time"),
        (("--", "a"), "-- a: has no place in a manifest"),
    ],
    ids=str,
)
def test_wrong_option_is_refused_in_one_line(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    print_manifest(tmp_path, PLAIN, *words).fails_in_one_line(2, message)


def test_target_must_be_a_description_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("", encoding="utf-8")
    words = ("manifest", "--image", IMAGE)
    run(*words, "app.py", cwd=tmp_path).fails_in_one_line(2, "app.py: is no description; expected a service.json")
    run(*words, URL, cwd=tmp_path).fails_in_one_line(2, f"{URL}: is no description")
    run(*words, "http://a.example/service.json").fails_in_one_line(2, "TARGET: a description at a URL")
    run("manifest", cwd=tmp_path).fails_in_one_line(2, "--image: is missing; name one that has eas-host")
    run(*words, cwd=tmp_path).fails_in_one_line(2, "service.json")


def test_ignored_keys_are_named_one_line_for_each_reason(tmp_path: Path) -> None:
    """On standard error; what is printed can be applied as it is."""
    description = PLAIN | {
        "metadata": {"region": "cn-shanghai", "resource": "eas-r-x", "workspace_id": "", "gateway": "g", "instance": 2},
        "autoscaler": {"max": 3, "strategies": {"qps": 5, "gpu[util]": 60}},
        "storage": [{"mount_path": "/g", "git": {"repo": "https://a.example/x.git"}}],
        "data_image": "image",
        "labels": {"a": "b", "not a label": "x"},
        "unheard_of": 1,
    }
    ended = print_manifest(tmp_path, description)
    assert ended.code == 0, ended.stderr
    read_objects(ended.stdout)
    assert "/g" not in ended.stdout.partition("volumeMounts")[2], "there is a volume for what is ignored"
    ignored = [line.partition("[INFO] ")[2] for line in ended.stderr.splitlines() if "ignored" in line]
    names = [line.partition(" is ignored")[0].partition(" are ignored")[0] for line in ignored]
    assert sorted(names) == [
        "data_image",
        "labels.not a label",
        "metadata.gateway",
        "metadata.region, metadata.resource, autoscaler.strategies.gpu[util]",
        "storage[0].git.repo",
        "unheard_of",
    ]
    assert all("this machine" not in line for line in ignored)


def test_missing_route_and_token_are_named(tmp_path: Path) -> None:
    """A service that nobody reaches, or everybody, is seldom meant."""
    ended = print_manifest(tmp_path, PLAIN)
    assert "there is no HTTPRoute; name the Gateway of the cluster with --gateway" in ended.stderr
    assert "there is no token, so whoever reaches the pods is served" in ended.stderr
    assert print_manifest(tmp_path, PLAIN, "--gateway", "main", "--token", "x").stderr == ""


def test_token_may_come_from_the_environment(tmp_path: Path) -> None:
    """`ps` does not show it there."""
    print_manifest(tmp_path, PLAIN)
    ended = run("manifest", "--image", IMAGE, cwd=tmp_path, variables={"EAS_HOST_TOKEN": "s3cret"})
    assert ended.code == 0, ended.stderr
    assert "czNjcmV0" in ended.stdout
    assert "s3cret" not in ended.stdout + ended.stderr


def test_password_for_a_registry_is_in_no_object(tmp_path: Path) -> None:
    """Least of all in a ConfigMap; no image is pulled with it."""
    ended = print_manifest(tmp_path, PLAIN | {"dockerAuth": "dXNlcjpwYXNz"}, "--token", "x")
    assert ended.code == 0, ended.stderr
    assert "dockerAuth" not in ended.stdout
    assert "dockerAuth is ignored" in ended.stderr


def test_grace_period_of_an_option_counts(tmp_path: Path) -> None:
    """SIGKILL comes after `preStop`, the grace period and a margin."""
    objects = make_manifest(tmp_path, PLAIN, "--grace-period", "60.5")
    assert pod_of(objects)["terminationGracePeriodSeconds"] == 5 + 61 + 10
    assert "--grace-period=60.5" in container_of(objects)["args"]
