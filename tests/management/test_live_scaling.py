"""
`eas-host autoscale`, and who chooses the number of instances, with a real API server and real controllers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.kubernetes import ControlPlane, Object
from support.manifests import IMAGE
from support.services import DESCRIPTION, NEW_IMAGE, begun, cluster, create, desc, eas, plane, result, write

__all__ = ["cluster", "plane"]

QPS = ("-D", "min=1", "-D", "max=3", "-D", "strategies.qps=10")


def scalers(cluster: ControlPlane) -> list[Object]:
    return cluster.objects("horizontalpodautoscalers", "apis/autoscaling/v2")


def deployment(cluster: ControlPlane) -> Any:  # noqa: ANN401  any JSON
    (found,) = cluster.objects("deployments", "apis/apps/v1")
    return found


def replicas(cluster: ControlPlane) -> int:
    number = deployment(cluster)["spec"]["replicas"]
    assert isinstance(number, int)
    return number


def scale_as_an_autoscaler(cluster: ControlPlane, number: int) -> None:
    """By the part of the Deployment that its controller writes."""
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/{deployment(cluster)['metadata']['name']}/scale"
    cluster.request("PATCH", path, {"spec": {"replicas": number}})


def done(cluster: ControlPlane, *words: str, cwd: Path | None = None) -> list[str]:
    """The lines of a command that succeeds."""
    ended = eas(cluster, *words, cwd=cwd)
    assert ended.code == 0, ended.stderr
    return ended.stdout.splitlines()


def test_autoscaler_is_made_changed_and_removed(cluster: ControlPlane, tmp_path: Path) -> None:
    """No pod is replaced, and there is no other version."""
    create(cluster, tmp_path)
    pods = {pod["metadata"]["uid"] for pod in cluster.pods()}
    assert done(cluster, "autoscale", "scorer_v2", *QPS)[1:] == ["[OK] Succeed to auto scale service [scorer_v2]"]
    (scaler,) = scalers(cluster)
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 3)
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment(cluster)["metadata"]["name"]
    lines = done(cluster, "autoscale", "scorer_v2", "-D", "max=5")
    assert lines[1:] == ["[OK] Update auto scale for service [scorer_v2] successfully"]
    shown = desc(cluster)
    assert shown["ServiceConfig"] == DESCRIPTION | {"autoscaler": {"min": 1, "max": 5, "strategies": {"qps": 10}}}
    assert (shown["Autoscaler"]["MinReplica"], shown["Autoscaler"]["MaxReplica"]) == (1, 5)
    assert shown["LatestVersion"] == 1
    assert "Autoscaler | 1 to 5 instances by qps 10" in "\n".join(done(cluster, "desc", "scorer_v2"))
    assert {pod["metadata"]["uid"] for pod in cluster.pods()} == pods
    lines = done(cluster, "autoscale", "rm", "scorer_v2")
    assert lines[1:] == ["[OK] Autoscaler for service [scorer_v2] deleted successfully"]
    assert scalers(cluster) == []
    assert replicas(cluster) == 2
    eas(cluster, "autoscale", "rm", "scorer_v2").fails_in_one_line(1, "scorer_v2", "has no autoscaler")
    assert "Autoscaler" not in desc(cluster)


def test_file_is_all_that_there_is_to_be(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    done(cluster, "autoscale", "scorer_v2", "-D", "max=4", "-D", "strategies.cpu=50")
    (tmp_path / "scaler.json").write_text('{"min": 2, "max": 9, "strategies": {"qps": 1}}', encoding="utf-8")
    ended = eas(cluster, "autoscale", "scorer_v2", "-s", "scaler.json", "-D", "max=8", "--json", cwd=tmp_path)
    told = json.loads(ended.stdout)["Autoscaler"]
    assert (told["MinReplica"], told["MaxReplica"]) == (2, 8)
    assert told["ScaleStrategies"] == [{"metricName": "qps", "threshold": 1}]


WRONG = {
    "max-below-min": (("min=3", "max=2", "strategies.qps=1"), "2 is less than min, 3"),
    "no-number": (("max=x", "strategies.qps=1"), '"x" is no number of instances'),
    "no-strategy": (("min=1", "max=2"), "by which a cluster can scale"),
    "nothing": (("max=",), "there is nothing by which it could scale"),
}


def test_wrong_value_changes_nothing(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    for keys, text in WRONG.values():
        words = [word for key in keys for word in ("-D", key)]
        eas(cluster, "autoscale", "scorer_v2", *words).fails_with(2, text)
    assert scalers(cluster) == []


def test_autoscaler_is_the_services_and_no_versions(cluster: ControlPlane, tmp_path: Path) -> None:
    """Also one that came with a description: what `autoscale` has changed, no version brings back."""
    write(tmp_path, DESCRIPTION | {"autoscaler": {"min": 3, "max": 6, "strategies": {"cpu": 50}}})
    words = ("create", "service.json", "--image", IMAGE, "--token", "s3cret", "--timeout", "0")
    done(cluster, *words, cwd=tmp_path)
    assert replicas(cluster) == 3, "the description has 2 instances, and the autoscaler 3 at least"
    done(cluster, "autoscale", "scorer_v2", "-D", "max=7")
    for change in (("modify", "scorer_v2", "--image", NEW_IMAGE), ("version", "scorer_v2", "1")):
        done(cluster, *change, "--timeout", "0")
        assert [one["spec"]["maxReplicas"] for one in scalers(cluster)] == [7]
    done(cluster, "modify", "scorer_v2", "-D", "autoscaler.max=8", "--timeout", "0")
    assert [one["spec"]["maxReplicas"] for one in scalers(cluster)] == [8]
    assert desc(cluster)["LatestVersion"] == 2
    done(cluster, "autoscale", "rm", "scorer_v2")
    for change in (("modify", "scorer_v2", "-Dmetadata.rpc.keepalive=7000"), ("version", "scorer_v2", "1")):
        done(cluster, *change, "--timeout", "0")
        assert scalers(cluster) == []
    assert replicas(cluster) == 3


def test_no_command_takes_the_number_of_instances_from_the_autoscaler(cluster: ControlPlane, tmp_path: Path) -> None:
    """Which is a real one here, and has them be 3 at least."""
    create(cluster, tmp_path)
    done(cluster, "autoscale", "scorer_v2", "-D", "min=3", "-D", "max=6", "-D", "strategies.cpu=50")
    cluster.wait_for(lambda: replicas(cluster) == 3)
    done(cluster, "modify", "scorer_v2", "--image", NEW_IMAGE, "--timeout", "0")
    assert replicas(cluster) == 3
    scale_as_an_autoscaler(cluster, 5)
    lines = done(cluster, "modify", "scorer_v2", "-Dmetadata.instance=1", "--timeout", "0")
    assert "[WARNING] metadata.instance=1 has no effect: the autoscaler chooses the number of instances" in lines
    done(cluster, "version", "scorer_v2", "1", "--timeout", "0")
    assert replicas(cluster) == 5
    owners = {
        one["manager"]
        for one in deployment(cluster)["metadata"]["managedFields"]
        if "f:replicas" in one["fieldsV1"].get("f:spec", {})
    }
    assert "eas-host" not in owners


def test_scale_says_what_the_autoscaler_will_do(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    done(cluster, "autoscale", "scorer_v2", *QPS)
    lines = done(cluster, "scale", "scorer_v2", "3", "--timeout", "0")
    how = "the autoscaler goes on from there, with 1 to 3 instances; `eas-host autoscale rm scorer_v2` ends that"
    assert [line for line in lines if "WARNING" in line] == [f"[WARNING] {how}"]
    assert replicas(cluster) == 3
    for number, instead in (("4", "autoscale scorer_v2 -D max=4"), ("0", "eas-host stop scorer_v2")):
        ended = eas(cluster, "scale", "scorer_v2", number)
        ended.fails_in_one_line(1, "scorer_v2", "1 to 3 instances", f"{number} would not stay", instead)
    assert replicas(cluster) == 3


def test_stopped_service_stays_stopped_with_an_autoscaler(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    done(cluster, "autoscale", "scorer_v2", "-D", "min=2", "-D", "max=3", "-D", "strategies.cpu=50")
    done(cluster, "stop", "scorer_v2", "--timeout", "0")

    def is_disabled() -> bool:
        conditions = scalers(cluster)[0].get("status", {}).get("conditions", [])
        return "ScalingDisabled" in {one["reason"] for one in conditions}

    cluster.wait_for(is_disabled)
    done(cluster, "modify", "scorer_v2", "--image", NEW_IMAGE, "--timeout", "0")
    shown = desc(cluster)
    assert (shown["Status"], shown["Autoscaler"]["Message"]) == ("Stopped", "")
    with begun(cluster, "start", "scorer_v2") as process:
        for pod in cluster.wait_for_pods(2):
            cluster.report_ready(pod)
        assert result(process).code == 0
    done(cluster, "modify", "scorer_v2", "--image", IMAGE, "--timeout", "0")
    assert replicas(cluster) == 2


def test_autoscaler_that_cannot_work_says_why(cluster: ControlPlane, tmp_path: Path) -> None:
    """Here there is no adapter for metrics, so the cluster knows of none."""
    create(cluster, tmp_path)
    done(cluster, "autoscale", "scorer_v2", *QPS)
    message = cluster.wait_for(lambda: desc(cluster)["Autoscaler"]["Message"])
    assert "eas_requests_per_second" in message
