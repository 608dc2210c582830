"""
What another version of a service keeps, and which versions are kept, with a real API server.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from support.command import run
from support.kubernetes import ControlPlane, Object
from support.manifests import IMAGE
from support.services import NEW_IMAGE, begun, cluster, create, desc, eas, plane, result

__all__ = ["cluster", "plane"]


def token_of(cluster: ControlPlane) -> str:
    """The token in the Secret that the pods of the newest version have."""
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    name = next(one["secret"]["secretName"] for one in volumes if "secret" in one)
    (secret,) = [one for one in cluster.objects("secrets") if one["metadata"]["name"] == name]
    return base64.b64decode(secret["data"]["token"]).decode()


@pytest.mark.parametrize(
    "words",
    [("modify", "scorer_v2", "--image", NEW_IMAGE), ("version", "scorer_v2", "1")],
    ids=["modify", "version"],
)
def test_lost_token_is_an_error_and_never_opens_the_service(
    cluster: ControlPlane, tmp_path: Path, words: tuple[str, ...]
) -> None:
    create(cluster, tmp_path)
    (before,) = cluster.objects("deployments", "apis/apps/v1")
    (secret,) = cluster.objects("secrets")
    cluster.request("DELETE", f"/api/v1/namespaces/{cluster.namespace}/secrets/{secret['metadata']['name']}")
    eas(cluster, *words).fails_with(1, "token", secret["metadata"]["name"])
    (after,) = cluster.objects("deployments", "apis/apps/v1")
    assert after["spec"] == before["spec"]
    assert desc(cluster)["AccessToken"] == ""
    assert eas(cluster, "modify", "scorer_v2", "--token", "new", "--timeout", "0").code == 0
    assert token_of(cluster) == "new"


def test_token_changes_only_when_asked_for(cluster: ControlPlane, tmp_path: Path) -> None:
    """Neither by `generate_token` in a description nor by a variable of whoever types the command."""
    create(cluster, tmp_path)
    (tmp_path / "changes.json").write_text('{"generate_token": "true"}', encoding="utf-8")
    variables = {"KUBECONFIG": str(cluster.kubeconfig), "EAS_HOST_TOKEN": "of-the-shell"}
    last = ("--timeout", "0", "--namespace", cluster.namespace)
    for words in (("-s", "changes.json"), ("--image", NEW_IMAGE)):
        ended = run("modify", "scorer_v2", *words, *last, cwd=tmp_path, variables=variables)
        assert ended.code == 0, ended.stderr
        assert token_of(cluster) == "s3cret"
    ended = run("version", "scorer_v2", "1", *last, variables=variables)
    assert ended.code == 0, ended.stderr
    assert token_of(cluster) == "s3cret"
    assert eas(cluster, "modify", "scorer_v2", "--generate-token", "--timeout", "0").code == 0
    generated = token_of(cluster)
    assert generated != "s3cret"
    assert eas(cluster, "modify", "scorer_v2", "--image", IMAGE, "--timeout", "0").code == 0
    assert token_of(cluster) == generated


@pytest.mark.parametrize("words", [("-Dname=other",), ("--name", "other"), ("-Dmetadata.name=other",)])
def test_service_keeps_its_name(cluster: ControlPlane, tmp_path: Path, words: tuple[str, ...]) -> None:
    create(cluster, tmp_path)
    eas(cluster, "modify", "scorer_v2", *words).fails_in_one_line(2, "other", "scorer_v2")
    assert len(cluster.objects("deployments", "apis/apps/v1")) == 1


def replica_sets_with_pods(cluster: ControlPlane) -> list[Object]:
    return [one for one in cluster.objects("replicasets", "apis/apps/v1") if one["status"]["replicas"]]


def test_versions_are_listed_and_only_the_last_are_kept(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    for keepalive in range(6001, 6012):
        ended = eas(cluster, "modify", "scorer_v2", f"-Dmetadata.rpc.keepalive={keepalive}", "--timeout", "0")
        assert ended.code == 0, ended.stderr
    # None of them has come to run, so the first one serves, and is kept.
    versions = json.loads(eas(cluster, "versions", "scorer_v2", "--json").stdout)
    assert [one["Version"] for one in versions] == [1, *range(3, 13)]
    assert [one["Version"] for one in versions if one["Current"]] == [12]
    eas(cluster, "version", "scorer_v2", "2").fails_with(1, "version 2", "1, 3, 4")
    used = {
        volume["configMap"]["name"]
        for one in replica_sets_with_pods(cluster)
        for volume in one["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    }
    assert used
    assert used <= {one["metadata"]["name"] for one in cluster.objects("configmaps")}
    with begun(cluster, "modify", "scorer_v2", "-Dmetadata.rpc.keepalive=6012") as process:

        def runs() -> bool:
            for pod in cluster.pods():
                cluster.report_ready(pod)
            cluster.end_deleted_pods()
            return process.poll() is not None

        cluster.wait_for(runs)
        assert result(process).code == 0
    assert eas(cluster, "modify", "scorer_v2", "-Dmetadata.rpc.keepalive=6013", "--timeout", "0").code == 0
    versions = json.loads(eas(cluster, "versions", "scorer_v2", "--json").stdout)
    assert [one["Version"] for one in versions] == list(range(5, 15))
    eas(cluster, "version", "scorer_v2", "1").fails_with(1, "version 1", "5, 6")


def test_instances_alone_make_no_version(cluster: ControlPlane, tmp_path: Path) -> None:
    """Of a running service as of a stopped one."""
    create(cluster, tmp_path)
    for number in (3, 4):
        ended = eas(cluster, "modify", "scorer_v2", f"-Dmetadata.instance={number}", "--timeout", "0")
        assert ended.code == 0, ended.stderr
    assert eas(cluster, "stop", "scorer_v2", "--timeout", "0").code == 0
    assert eas(cluster, "modify", "scorer_v2", "-Dmetadata.instance=5", "--timeout", "0").code == 0
    shown = desc(cluster)
    assert (shown["LatestVersion"], shown["CurrentVersion"], shown["Status"]) == (1, 1, "Stopped")
    assert shown["ServiceConfig"]["metadata"]["instance"] == 5
    assert eas(cluster, "start", "scorer_v2", "--timeout", "0").code == 0
    assert len(cluster.wait_for_pods(5)) == 5
