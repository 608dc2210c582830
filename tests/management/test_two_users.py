"""
Two who change a service at the same moment: one of them is refused in one line, and nothing is lost or left.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from eas_host.cli.services.modify import read_stored, stored_revision
from eas_host.management.autoscaler import StoredAutoscaler, find_autoscaler, set_autoscaler
from eas_host.management.change_guard import ChangedMeanwhile
from eas_host.management.deployer import deploy
from eas_host.management.kubernetes_api import KubernetesApi
from eas_host.management.stored_service import StoredService, get_service
from support.command import Ended
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

pytest.importorskip("lightkube")

from eas_host.management.lightkube_client import LightkubeApi, open_cluster

__all__ = ["cluster", "plane"]

SAME_MOMENT = "somebody else has changed it at the same moment"


def config_maps(cluster: ControlPlane) -> set[str]:
    return {name for one in cluster.objects("configmaps") if (name := one["metadata"]["name"]).startswith("eas-")}


def at_once(cluster: ControlPlane, folder: Path, *commands: tuple[str, ...]) -> list[Ended]:
    """Runs commands at the same time."""
    processes = [
        subprocess.Popen(
            [*program(), *words, "--namespace", cluster.namespace],
            env=clean_environment() | {"KUBECONFIG": str(cluster.kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        for words in commands
    ]
    return [result(process) for process in processes]


def test_one_of_several_creates_wins(cluster: ControlPlane, tmp_path: Path) -> None:
    write(tmp_path, DESCRIPTION)
    words = ("create", "service.json", "--image", IMAGE, "--token", "s3cret", "--timeout", "0")
    ended = at_once(cluster, tmp_path, *[words] * 3)
    assert sorted(one.code for one in ended) == [0, 1, 1]
    for one in ended:
        if one.code:
            one.fails_with(1, "scorer_v2: ")
            assert SAME_MOMENT in one.complaint or "there is such a service" in one.complaint
    assert desc(cluster)["LatestVersion"] == 1


def test_no_change_of_several_at_once_is_lost(cluster: ControlPlane, tmp_path: Path) -> None:
    """Each that was told to have succeeded is in the description in the end."""
    create(cluster, tmp_path)
    keys = ["keepalive", "max_queue_size", "worker_threads"]
    commands = [("modify", "scorer_v2", f"-Dmetadata.rpc.{key}=77", "--timeout", "0") for key in keys]
    ended = at_once(cluster, tmp_path, *commands)
    done = [key for key, one in zip(keys, ended, strict=True) if one.code == 0]
    for one in ended:
        if one.code:
            one.fails_in_one_line(1, "scorer_v2", SAME_MOMENT, "eas-host desc scorer_v2")
    assert done
    shown = desc(cluster)
    assert sorted(shown["ServiceConfig"]["metadata"]["rpc"]) == sorted(done)
    assert shown["LatestVersion"] == 1 + len(done)


class Reader:
    """Who has read the service, and changes it later."""

    def __init__(self, api: KubernetesApi) -> None:
        self.api = api
        self.running: StoredService = get_service(api, "scorer_v2")
        self.scaler: StoredAutoscaler | None = find_autoscaler(api, self.running.base)
        self._revision = stored_revision(api, self.running, self.running.version)

    def modify(self, *overrides: str, image: str = IMAGE) -> None:
        options = {**self._revision.options, "image": image}
        read = read_stored(self.api, {**options, "overrides": list(overrides)}, self._revision, self.running)
        deploy(self.api, read.service, read.text, options, running=self.running)

    def autoscale(self, overrides: str) -> None:
        options = {**self._revision.options, "overrides": [overrides]}
        service = read_stored(self.api, options, self._revision, self.running).service
        assert service.settings.autoscaling
        set_autoscaler(self.api, service, service.settings.autoscaling, self.scaler)


@pytest.fixture
def reader(cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Of a service with two instances."""
    create(cluster, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = open_cluster(namespace=cluster.namespace)
    assert isinstance(api, LightkubeApi)
    yield Reader(api)
    api._client.close()  # a command does that by its end


CHANGES = {
    "modify": ("modify", "scorer_v2", "-Dmetadata.rpc.keepalive=7000"),
    "scale": ("scale", "scorer_v2", "3"),
    "stop": ("stop", "scorer_v2"),
    "instances": ("modify", "scorer_v2", "-Dmetadata.instance=4"),
}


@pytest.mark.parametrize("words", CHANGES.values(), ids=CHANGES)
def test_who_comes_later_is_refused_and_leaves_nothing(
    cluster: ControlPlane, reader: Reader, words: tuple[str, ...]
) -> None:
    assert eas(cluster, *words, "--timeout", "0").code == 0
    before = config_maps(cluster), desc(cluster)["ServiceConfig"], cluster.objects("deployments", "apis/apps/v1")
    with pytest.raises(ChangedMeanwhile, match=SAME_MOMENT):
        reader.modify("metadata.rpc.worker_threads=9", image=NEW_IMAGE)
    assert (config_maps(cluster), desc(cluster)["ServiceConfig"]) == before[:2]
    (now,), (then,) = cluster.objects("deployments", "apis/apps/v1"), before[2]
    assert now["spec"] == then["spec"]


def tokens(cluster: ControlPlane) -> list[str]:
    """All that the hosts would accept, the newest first."""
    (secret,) = cluster.objects("secrets")
    return [line.split("\t")[0] for line in base64.b64decode(secret["data"]["tokens"]).decode().splitlines()]


class Interrupted:
    """A cluster in which somebody does something just before a certain object is applied for the first time."""

    def __init__(self, api: KubernetesApi, kind: str, dry_run: bool, do: Callable[[], object]) -> None:
        self._api = api
        self._when = kind, dry_run
        self._left = [do]
        self.namespace = api.namespace

    def apply(self, thing: Mapping[str, Any], *args: Any, dry_run: bool = False, **options: Any) -> None:  # noqa: ANN401
        if (thing["kind"], dry_run) == self._when and self._left:
            self._left.pop()()
        self._api.apply(thing, *args, dry_run=dry_run, **options)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a method of the cluster
        return getattr(self._api, name)


MOMENTS = [("ConfigMap", True), ("Secret", True), ("ConfigMap", False), ("Secret", False)]


@pytest.mark.parametrize("moment", MOMENTS, ids=[f"{kind}-{dry_run}" for kind, dry_run in MOMENTS])
@pytest.mark.parametrize("named", [(), ("token=chosen",)], ids=["kept", "named"])
def test_rotation_beside_another_version_stays(
    cluster: ControlPlane, reader: Reader, moment: tuple[str, bool], named: tuple[str, ...]
) -> None:
    """At whatever moment it comes; a token that the other one names comes before it."""
    rotated: list[str] = []

    def rotate() -> None:
        rotated.append(eas(cluster, "token", "scorer_v2", "--rotate", "--timeout", "0").stdout.strip())

    reader.api = Interrupted(reader.api, *moment, rotate)
    reader.modify("metadata.rpc.worker_threads=9", *named)
    assert tokens(cluster) == [*(one.partition("=")[2] for one in named), *rotated, "s3cret"]
    assert len(rotated) == 1


def test_token_of_who_is_refused_does_not_count(cluster: ControlPlane, reader: Reader) -> None:
    """Also if the other change comes when all was checked."""
    scale = ("scale", "scorer_v2", "3")
    reader.api = Interrupted(reader.api, "ConfigMap", False, lambda: eas(cluster, *scale, "--timeout", "0"))
    with pytest.raises(ChangedMeanwhile, match=SAME_MOMENT):
        reader.modify("token=chosen")
    assert tokens(cluster) == ["s3cret"]


def test_what_controllers_write_is_no_change(cluster: ControlPlane, reader: Reader) -> None:
    """The status, as when a pod gets ready or fails, and, with an autoscaler, the number of instances."""
    cluster.report(cluster.pods()[0], {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]})
    cluster.wait_for(lambda: get_service(reader.api, "scorer_v2").running == 1)
    reader.autoscale('autoscaler={"min": 1, "max": 5, "strategies": {"cpu": 50}}')
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/{reader.running.base}/scale"
    cluster.request("PATCH", path, {"spec": {"replicas": 4}})
    reader.modify(image=NEW_IMAGE)
    shown = desc(cluster)
    assert (shown["TotalInstance"], shown["Image"], shown["Autoscaler"]["MaxReplica"]) == (4, NEW_IMAGE, 5)


def test_autoscaler_that_somebody_else_has_changed_stays(cluster: ControlPlane, reader: Reader) -> None:
    words = ("-D", "max=4", "-D", "strategies.cpu=50")
    assert eas(cluster, "autoscale", "scorer_v2", *words).code == 0
    with pytest.raises(ChangedMeanwhile):
        reader.autoscale('autoscaler={"max": 9, "strategies": {"cpu": 50}}')
    assert desc(cluster)["Autoscaler"]["MaxReplica"] == 4


def test_who_waits_for_a_version_is_told_of_a_newer_one(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    with begun(cluster, "modify", "scorer_v2", "--image", NEW_IMAGE) as process:
        wait_for_line(process, "[OK] Waiting")
        ended = eas(cluster, "modify", "scorer_v2", "-Dmetadata.rpc.keepalive=7000", "--timeout", "0", "--json")
        assert json.loads(ended.stdout)["CurrentVersion"] == 3
        result(process).fails_in_one_line(1, "scorer_v2", "version 3", "eas-host desc scorer_v2")
