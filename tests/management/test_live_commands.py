"""
The commands on services, with a real API server and real controllers. The test is the kubelet: it says how pods fare.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support.command import run
from support.kubernetes import ControlPlane, Object, container_status
from support.manifests import IMAGE
from support.services import (
    BASE,
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


def test_create_tells_what_eascmd_tells(cluster: ControlPlane, tmp_path: Path) -> None:
    write(tmp_path, DESCRIPTION)
    with begun(cluster, "create", "service.json", "--image", IMAGE, "--token", "s3cret", cwd=tmp_path) as process:
        lines = wait_for_line(process, "[OK] Waiting")
        for pod in cluster.wait_for_pods(2):
            cluster.report_ready(pod)
        lines += result(process).stdout.splitlines()
    assert lines[0].startswith("[RequestId]: ")
    (base,) = {one["metadata"]["name"] for one in cluster.objects("deployments", "apis/apps/v1")}
    assert base.startswith(BASE)
    url = f"http://{base}.{cluster.namespace}/api/predict/scorer_v2"
    assert f"| Intranet Endpoint | {url} |" in lines
    assert any(line.startswith("|             Token | s3cret ") for line in lines)
    progress = [line for line in lines if line.startswith("[OK]")]
    assert progress[:3] == [
        "[OK] Service is now deploying",
        "[OK] Successfully synchronized resources",
        "[OK] Waiting [Total: 2, Pending: 2, Running: 0]",
    ]
    assert progress[-2:] == ["[OK] Running [Total: 2, Pending: 0, Running: 2]", "[OK] Service is running"]


def test_service_is_listed_and_described(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    row = next(line for line in eas(cluster, "ls").stdout.splitlines() if "scorer_v2" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["scorer_v2", cluster.namespace, "2"]
    assert cells[5:] == ["Running", "0", "/api/predict/scorer_v2"]
    shown = desc(cluster)
    assert shown["Status"] == "Running"
    assert shown["AccessToken"] == "s3cret"
    assert (shown["TotalInstance"], shown["RunningInstance"], shown["PendingInstance"]) == (2, 2, 0)
    assert (shown["CPU"], shown["Memory"], shown["Image"]) == ("100m", "100M", IMAGE)
    assert (shown["LatestVersion"], shown["CurrentVersion"]) == (1, 1)
    assert shown["ServiceConfig"] == DESCRIPTION
    assert eas(cluster, "desc", "scorer_v2").stdout.splitlines()[1].startswith("|           Status | Running ")
    workers = json.loads(eas(cluster, "w", "scorer_v2", "--json").stdout)
    assert [(one["Status"], one["Ready"]) for one in workers] == [("Running", "[1/1]")] * 2


def test_folder_that_is_called_like_a_service_is_no_matter(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    (tmp_path / "scorer_v2").mkdir()
    for words in (("w", "scorer_v2"), ("scale", "scorer_v2", "2", "--timeout", "0"), ("desc", "--json", "scorer_v2")):
        ended = eas(cluster, *words, cwd=tmp_path)
        assert ended.code == 0, ended.stderr


def test_password_for_a_registry_is_stored_nowhere(cluster: ControlPlane, tmp_path: Path) -> None:
    write(tmp_path, DESCRIPTION | {"dockerAuth": "dXNlcjpwYXNz"})
    words = ("create", "service.json", "--image", IMAGE, "--token", "s", "--timeout", "0")
    ended = eas(cluster, *words, cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    assert len([one for one in cluster.objects("configmaps") if one["metadata"]["name"].startswith(BASE)]) == 2
    assert "dockerAuth" not in json.dumps(cluster.objects("configmaps"))


def test_create_of_what_is_there_is_refused(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    ended = eas(cluster, "create", "service.json", "--image", IMAGE, cwd=tmp_path)
    ended.fails_with(1, "scorer_v2", "modify")


def test_what_the_cluster_refuses_changes_nothing(cluster: ControlPlane, tmp_path: Path) -> None:
    """Here it knows no HTTPRoute, which would come last."""
    write(tmp_path, DESCRIPTION)
    words = ("create", "service.json", "--image", IMAGE, "--token", "s", "--gateway", "main")
    eas(cluster, *words, cwd=tmp_path).fails_with(1, "HTTPRoute")
    assert cluster.objects("deployments", "apis/apps/v1") == []
    assert [one for one in cluster.objects("configmaps") if one["metadata"]["name"].startswith("eas-")] == []


def test_modify_of_instances_replaces_no_pod(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    before = {pod["metadata"]["uid"] for pod in cluster.pods()}
    with begun(cluster, "modify", "scorer_v2", "-Dmetadata.instance=3") as process:
        for pod in cluster.wait_for_pods(3):
            cluster.report_ready(pod)
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert "[OK] Running [Total: 3, Pending: 0, Running: 3]" in ended.stdout
    assert before < {pod["metadata"]["uid"] for pod in cluster.pods()}
    assert desc(cluster)["ServiceConfig"]["metadata"]["instance"] == 3


def test_modify_keeps_what_it_does_not_name(cluster: ControlPlane, tmp_path: Path) -> None:
    """Token, options and the number of instances, which `scale` has changed since."""
    create(cluster, tmp_path, "--worker-threads", "7", "--network-policy")
    assert eas(cluster, "scale", "scorer_v2", "1").code == 0
    (tmp_path / "changes.json").write_text('{"metadata": {"rpc": {"keepalive": 9000}}}', encoding="utf-8")
    assert eas(cluster, "modify", "scorer_v2", "-s", "changes.json", "--timeout", "0", cwd=tmp_path).code == 0
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    assert deployment["spec"]["replicas"] == 1
    words = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--worker-threads=7" in words
    assert len(cluster.objects("networkpolicies", "apis/networking.k8s.io/v1")) == 1
    shown = desc(cluster)
    assert shown["AccessToken"] == "s3cret"
    assert shown["ServiceConfig"]["metadata"] == DESCRIPTION["metadata"] | {"instance": 1, "rpc": {"keepalive": 9000}}


def test_modify_with_autoscaler_keeps_the_number_of_pods(cluster: ControlPlane, tmp_path: Path) -> None:
    """Which is the autoscaler's now, and would become 1 if nobody owned it."""
    create(cluster, tmp_path)
    change = 'autoscaler={"min": 2, "max": 4, "strategies": {"cpu": 50}}'
    ended = eas(cluster, "modify", "scorer_v2", "-D", change, "--timeout", "0")
    assert ended.code == 0, ended.stderr
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    assert deployment["spec"]["replicas"] == 2
    assert len(cluster.objects("horizontalpodautoscalers", "apis/autoscaling/v2")) == 1
    assert eas(cluster, "modify", "scorer_v2", "-D", "autoscaler=", "--timeout", "0").code == 0
    assert cluster.objects("horizontalpodautoscalers", "apis/autoscaling/v2") == []
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    assert deployment["spec"]["replicas"] == 2


def crash(cluster: ControlPlane, pod: Object, **ended: object) -> None:
    """Says that the container of a pod has crashed twice."""
    last = {"exitCode": 3, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"} | ended
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    status = container_status(pod, restartCount=1, state=waiting, lastState={"terminated": last})
    cluster.report(pod, {"phase": "Running", "containerStatuses": [status]})


def test_failed_rollout_says_why_and_the_old_version_serves(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    old = {pod["metadata"]["name"] for pod in cluster.pods()}
    with begun(cluster, "modify", "scorer_v2", "--image", NEW_IMAGE) as process:
        (new,) = cluster.wait_for_pods(1, lambda pod: pod["spec"]["containers"][0]["image"] == NEW_IMAGE)
        crash(cluster, new, reason="OOMKilled", exitCode=137)
        ended = result(process)
    ended.fails_with(1, new["metadata"]["name"], "OOMKilled", "100Mi", "2 instances of another version still serve")
    assert len(ended.stderr.splitlines()) <= 10
    assert old < {pod["metadata"]["name"] for pod in cluster.pods()}
    shown = desc(cluster)
    assert (shown["RunningInstance"], shown["LatestVersion"], shown["CurrentVersion"]) == (2, 2, 2)
    assert "OOMKilled" in shown["Message"]
    # And back.
    with begun(cluster, "version", "scorer_v2", "1") as process:
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert desc(cluster)["Image"] == IMAGE


def test_unschedulable_instance_is_told_with_what_is_missing(cluster: ControlPlane, tmp_path: Path) -> None:
    """By the real scheduler. It may pass, so the command waits for as long as it is told to."""
    write(tmp_path, DESCRIPTION | {"metadata": {"cpu": 64, "memory": 100}})
    words = ("create", "service.json", "--image", IMAGE, "--token", "s", "--timeout", "15")
    ended = eas(cluster, *words, cwd=tmp_path)
    ended.fails_with(1, "has not ended after 15 s; it goes on", "no node has room for cpu 64", "Insufficient cpu")
    assert "[WARNING]" in ended.stdout


def test_ctrl_c_leaves_the_rollout_going(cluster: ControlPlane, tmp_path: Path) -> None:
    write(tmp_path, DESCRIPTION)
    words = ("create", "service.json", "--image", IMAGE, "--token", "s")
    with begun(cluster, *words, cwd=tmp_path) as process:
        wait_for_line(process, "Waiting [Total: 2")
        process.send_signal(signal.SIGINT)
        ended = result(process)
    assert ended.code == 130
    assert "eas-host desc scorer_v2" in ended.stdout
    for pod in cluster.wait_for_pods(2):
        cluster.report_ready(pod)
    cluster.wait_for(lambda: desc(cluster)["Status"] == "Running")


def test_stopped_service_starts_with_as_many_instances(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    with begun(cluster, "stop", "scorer_v2") as process:
        cluster.wait_for_no_pods()
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[OK] Service is stopped"
    cluster.end_deleted_pods()
    assert desc(cluster)["Status"] == "Stopped"
    assert eas(cluster, "modify", "scorer_v2", "--image", NEW_IMAGE).code == 0
    assert desc(cluster)["Status"] == "Stopped"
    with begun(cluster, "start", "scorer_v2") as process:
        for pod in cluster.wait_for_pods(2):
            cluster.report_ready(pod)
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert desc(cluster)["Image"] == NEW_IMAGE


def test_deleted_instance_is_replaced(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    gone, stays = (pod["metadata"]["name"] for pod in cluster.pods())
    eas(cluster, "dw", "scorer_v2", "other", "-y").fails_in_one_line(1, "other", gone, stays)
    eas(cluster, "dw", "scorer_v2", f"{gone},", "-y").fails_in_one_line(1, "is no instance")
    ended = eas(cluster, "dw", "scorer_v2", gone, "-y")
    assert ended.code == 0, ended.stderr
    place = f"for service [scorer_v2] in region [{cluster.namespace}]"
    assert ended.stdout.splitlines()[1:] == [f"[OK] Instance(s) [{gone}] {place} was deleted successfully"]
    names = {pod["metadata"]["name"] for pod in cluster.wait_for_pods(2)}
    assert stays in names
    assert gone not in names


def test_update_is_another_word_for_modify(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    (tmp_path / "changes.json").write_text('{"metadata": {"memory": 2048}}', encoding="utf-8")
    ended = eas(cluster, "update", "scorer_v2", "-s", "changes.json", "--timeout", "0", cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    assert desc(cluster)["Memory"] == "2048M"


def test_restart_replaces_all_and_the_next_version_does_not_do_it_again(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    old = {pod["metadata"]["name"] for pod in cluster.pods()}
    assert eas(cluster, "restart", "scorer_v2", "--timeout", "0").code == 0

    def replaced() -> bool:
        for pod in cluster.pods():
            cluster.report_ready(pod)
        cluster.end_deleted_pods()
        return len(names := {pod["metadata"]["name"] for pod in cluster.pods()}) == 2 and not names & old

    cluster.wait_for(replaced)
    new = {pod["metadata"]["name"] for pod in cluster.pods()}
    assert eas(cluster, "modify", "scorer_v2", "-Dmetadata.instance=2").code == 0
    assert {pod["metadata"]["name"] for pod in cluster.pods()} == new


def test_events_of_a_service(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    events = cluster.wait_for(lambda: json.loads(eas(cluster, "events", "scorer_v2", "--json").stdout))
    assert "ScalingReplicaSet" in {one["Reason"] for one in events}


def test_who_may_not_is_told_so(cluster: ControlPlane) -> None:
    content = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    content["users"][0]["user"] = {"token": "unknown"}
    other = cluster.kubeconfig.with_name("other")
    other.write_text(json.dumps(content), encoding="utf-8")
    ended = run("list", variables={"KUBECONFIG": str(other)})
    ended.fails_in_one_line(1, "Unauthorized")
