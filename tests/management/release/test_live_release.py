"""
A new version beside the old one, with a real API server and real hosts. The test is the kubelet, the network of pods,
and the Gateway: it sends to each host what the weights would send there.
"""

from __future__ import annotations

import base64
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eas_host.management.release.request_meter import RequestMeter
from support.command import Ended
from support.host import Host, StartHost
from support.kubernetes import ControlPlane, Object
from support.manifests import IMAGE
from support.pod_network import PodNetwork, add_http_routes
from support.services import BASE, DESCRIPTION, begun, cluster, eas, plane, result, wait_for_line, write
from support.wire import command, request

pytest.importorskip("lightkube")

from eas_host.management.lightkube_client import open_cluster

__all__ = ["cluster", "plane"]

ROUTES = "apis/gateway.networking.k8s.io/v1"
ONE = DESCRIPTION | {"metadata": {"instance": 1, "cpu": 0.1, "memory": 100}}
NEW = ONE | {"metadata": {"instance": 1, "cpu": 0.1, "memory": 100, "release": True, "rpc": {"keepalive": 60_000}}}
GREEN = "scorer_v2_green"
TOKEN = "s3cret"  # noqa: S105  no real one


@pytest.fixture(scope="module")
def network(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodNetwork]:
    add_http_routes(plane)
    with PodNetwork(plane, tmp_path_factory.mktemp("network")) as started:
        plane.kubeconfig = started.kubeconfig
        yield started


@pytest.fixture
def pair(cluster: ControlPlane, network: PodNetwork, tmp_path: Path) -> ControlPlane:
    """Both versions, each with one instance that is ready; the new one gets no requests."""
    network.hosts.clear()
    create_one(cluster, tmp_path, ONE, "--token", TOKEN, "--gateway", "main")
    create_one(cluster, tmp_path, NEW)
    return cluster


@pytest.fixture
def hosts(pair: ControlPlane, network: PodNetwork, start: StartHost) -> list[Host]:
    """What stands in for the instances of the old and of the new version."""
    both = [start("python", token=TOKEN) for _ in range(2)]
    for host, name in zip(both, ("scorer_v2", GREEN), strict=True):
        (worker,) = json.loads(eas(pair, "w", name, "--json").stdout)
        network.hosts[worker["InstanceName"]] = host.address
    return both


def create_one(cluster: ControlPlane, folder: Path, description: Object, *words: str) -> Ended:
    write(folder, description)
    known = {pod["metadata"]["name"] for pod in cluster.pods()}
    with begun(cluster, "create", "service.json", "--image", IMAGE, *words, cwd=folder) as process:
        (pod,) = cluster.wait_for_pods(1, lambda pod: pod["metadata"]["name"] not in known)
        cluster.report_ready(pod)
        ended = result(process)
    assert ended.code == 0, ended.stderr
    return ended


def route(cluster: ControlPlane) -> Object:
    (found,) = cluster.objects("httproutes", ROUTES)
    (rule,) = found["spec"]["rules"]
    assert isinstance(rule, dict)
    return rule


def weights(cluster: ControlPlane) -> list[int | None]:
    """Of the old and the new version, as far as they are in the route."""
    return [one.get("weight") for one in route(cluster)["backendRefs"]]


def release(cluster: ControlPlane, *words: str) -> Ended:
    return eas(cluster, "release", GREEN, *words)


def desc(cluster: ControlPlane, name: str) -> dict[str, Any]:
    ended = eas(cluster, "desc", name, "--json")
    assert ended.code == 0, ended.stderr
    shown: dict[str, Any] = json.loads(ended.stdout)
    return shown


def send(host: Host, number: int, body: bytes = b"hello", status: int = 200) -> None:
    """Sends so many requests over one connection."""
    with host.connect() as client:
        for _ in range(number):
            client.send(request(body=body, headers=[("Authorization", TOKEN)]))
            assert client.read().status == status


FAIL = command("status", "400:no")


def test_new_version_gets_nothing_until_it_is_released(pair: ControlPlane) -> None:
    """It answers at the path of the old one, with its token, and the route waits as long as it may take."""
    assert route(pair)["timeouts"] == {"request": "65s"}
    (backend,) = route(pair)["backendRefs"]
    assert backend["name"].startswith(BASE)
    shown = desc(pair, GREEN)
    assert (shown["Status"], shown["AccessToken"]) == ("Running", TOKEN)
    assert shown["IntranetEndpoint"].startswith("http://eas-scorer-v2-green-")
    assert shown["IntranetEndpoint"].endswith("/api/predict/scorer_v2")
    assert (shown["Weight"], shown["TrafficState"]) == (0, "standalone")
    assert shown["ExtraData"] == f'{{"blue_green_services":["scorer_v2","{GREEN}"]}}'
    config = next(
        one for one in pair.objects("configmaps") if one["metadata"]["name"].startswith("eas-scorer-v2-green")
    )
    assert json.loads(config["data"]["service.json"])["name"] == "scorer_v2"
    assert len(pair.objects("secrets")) == 2


def test_weights_are_what_the_route_has(pair: ControlPlane) -> None:
    ended = release(pair, "--weight", "30")
    assert ended.code == 0, ended.stderr
    place = f"in region [{pair.namespace}]"
    said = f"[OK] Releasing service [{GREEN}] {place} with weight [30], service status: [Running]"
    assert ended.stdout.splitlines()[1:] == [said]
    assert weights(pair) == [70, 30]
    rows = [[cell.strip() for cell in line.split("|")] for line in eas(pair, "ls").stdout.splitlines()]
    assert {row[1]: row[7:9] for row in rows if row[0] == "" and len(row) > 1} | {"SERVICENAME": []} == {
        "SERVICENAME": [],
        "scorer_v2": ["70", "/api/predict/scorer_v2"],
        GREEN: ["30", "/api/predict/scorer_v2"],
    }
    assert (desc(pair, "scorer_v2")["Weight"], desc(pair, GREEN)["Weight"]) == (70, 30)
    shown = json.loads(release(pair, "--traffic", "standalone", "--json").stdout)
    assert (shown["Weight"], shown["TrafficState"]) == (0, "standalone")
    assert weights(pair) == [None]
    assert release(pair, "--traffic", "grouping").code == 0
    assert weights(pair) == [70, 30], "it is remembered"


def test_modified_old_version_keeps_the_share(pair: ControlPlane) -> None:
    assert release(pair, "--weight", "30").code == 0
    assert eas(pair, "modify", "scorer_v2", "-Dmetadata.memory=200", "--timeout", "0").code == 0
    assert weights(pair) == [70, 30]
    assert route(pair)["timeouts"] == {"request": "65s"}
    assert release(pair, "--weight", "40").code == 0
    assert eas(pair, "modify", GREEN, "-Dmetadata.memory=200", "--timeout", "0").code == 0
    assert weights(pair) == [60, 40]
    assert desc(pair, GREEN)["LatestVersion"] == 2


def test_route_of_both_cannot_be_taken_back(pair: ControlPlane) -> None:
    words = ("modify", "scorer_v2", "--unset", "gateway", "--timeout", "0")
    eas(pair, *words).fails_in_one_line(1, GREEN, "shares its route", "delete that one before")
    assert len(route(pair)["backendRefs"]) == 1
    assert desc(pair, "scorer_v2")["LatestVersion"] == 1


def tokens(cluster: ControlPlane, base: str) -> list[str]:
    """What the hosts of a version accept."""
    (secret,) = [one for one in cluster.objects("secrets") if re.fullmatch(rf"{base}-[0-9a-f]+-token", name_of(one))]
    return [line.split()[0] for line in base64.b64decode(secret["data"]["tokens"]).decode().splitlines() if line]


def name_of(thing: Object) -> str:
    name: str = thing["metadata"]["name"]
    return name


def test_another_token_is_for_both(pair: ControlPlane, tmp_path: Path) -> None:
    """Who rotates that of one is told; `modify` gives it to the other, which accepts the old one, too, for a while."""
    rotated = eas(pair, "token", "scorer_v2", "--rotate", "--timeout", "0")
    assert rotated.code == 0, rotated.stderr
    (warning,) = [line for line in rotated.stderr.splitlines() if "WARNING" in line]
    assert f"`eas-host modify {GREEN} --token @FILE`" in warning
    token = rotated.stdout.strip()
    assert tokens(pair, "eas-scorer-v2-green") == [TOKEN]
    (tmp_path / "token").write_text(token, encoding="utf-8")
    given = eas(pair, "modify", GREEN, "--token", f"@{tmp_path / 'token'}", "--timeout", "0")
    assert given.code == 0, given.stderr
    for base in ("eas-scorer-v2", "eas-scorer-v2-green"):
        assert tokens(pair, base) == [token, TOKEN]


@pytest.mark.usefixtures("network")
def test_new_version_accepts_what_a_rotation_has_left(cluster: ControlPlane, tmp_path: Path) -> None:
    """Clients that still send the old token reach both versions."""
    create_one(cluster, tmp_path, ONE, "--token", TOKEN, "--gateway", "main")
    rotated = eas(cluster, "token", "scorer_v2", "--rotate", "--timeout", "0")
    assert "WARNING" not in rotated.stderr
    create_one(cluster, tmp_path, NEW)
    assert tokens(cluster, "eas-scorer-v2-green") == [rotated.stdout.strip(), TOKEN]


def test_new_version_leaves_the_route_before_it_is_deleted(pair: ControlPlane) -> None:
    assert release(pair, "--weight", "100").code == 0
    eas(pair, "delete", "scorer_v2", "-y").fails_in_one_line(1, GREEN, "delete that one before")
    eas(pair, "stop", "scorer_v2", "--timeout", "0")
    eas(pair, "delete", GREEN, "-y").fails_in_one_line(1, "scorer_v2: it has no instance that takes requests")
    assert weights(pair) == [0, 100]
    with begun(pair, "start", "scorer_v2") as process:
        (pod,) = pair.wait_for_pods(1, lambda pod: "green" not in pod["metadata"]["name"])
        pair.report_ready(pod)
        assert result(process).code == 0
    with begun(pair, "delete", GREEN, "-y") as process:
        wait_for_line(process, "[OK] Service [scorer_v2] gets all requests again")
        assert weights(pair) == [None]
        assert len(pair.objects("services")) == 2, "and it is still there for a while"
        pair.wait_for_pods(1)
        pair.end_deleted_pods()
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert desc(pair, "scorer_v2")["Weight"] == 0
    assert "ExtraData" not in desc(pair, "scorer_v2")


def test_version_with_requests_cannot_be_stopped(pair: ControlPlane) -> None:
    assert release(pair, "--weight", "30").code == 0
    eas(pair, "stop", GREEN).fails_in_one_line(1, "gets 30 % of the requests", f"release {GREEN} --weight 0")
    eas(pair, "scale", "scorer_v2", "0").fails_in_one_line(1, "gets 70 % of the requests", "--weight 100")
    assert release(pair, "--weight", "0").code == 0
    assert eas(pair, "stop", GREEN, "--timeout", "0").code == 0
    pair.wait_for(lambda: desc(pair, GREEN)["RunningInstance"] == 0)
    release(pair, "--weight", "10").fails_in_one_line(1, f"{GREEN}: it has no instance that takes requests")
    assert release(pair, "--traffic", "standalone").code == 0


def test_what_cannot_be_released(cluster: ControlPlane, network: PodNetwork, tmp_path: Path) -> None:
    assert not network.hosts
    words = ("create", "service.json", "--image", IMAGE)
    write(tmp_path, NEW)
    eas(cluster, *words, cwd=tmp_path).fails_in_one_line(1, "scorer_v2: there is no such service")
    create_one(cluster, tmp_path, ONE, "--token", TOKEN)
    eas(cluster, "release", "scorer_v2", "--weight", "1").fails_in_one_line(1, "metadata.release=true")
    write(tmp_path, NEW)
    eas(cluster, *words, cwd=tmp_path).fails_in_one_line(1, "it has no HTTPRoute", "--gateway")
    assert eas(cluster, "modify", "scorer_v2", "--gateway", "main", "--timeout", "0").code == 0
    eas(cluster, *words, "--token", "x", cwd=tmp_path).fails_in_one_line(2, "--token", "scorer_v2")
    create_one(cluster, tmp_path, NEW, "--token", TOKEN)
    eas(cluster, "release", "scorer_v2", "--weight", "1").fails_in_one_line(2, "is the old version", GREEN)


def test_good_version_goes_through_all_steps(pair: ControlPlane, hosts: list[Host]) -> None:
    """In the last one the old version gets nothing: what it did before counts."""
    old, new = hosts
    with begun(pair, "release", GREEN, "--steps", "10,100", "--watch", "1") as process:
        wait_for_line(process, "with weight [10]")
        assert weights(pair) == [90, 10]
        send(old, 300)
        send(new, 110)
        wait_for_line(process, "[OK] Step 1 of 2, weight 10: 0 of 1")
        wait_for_line(process, "with weight [100]")
        send(new, 100)
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == f"[OK] Service [{GREEN}] gets 100 % of the requests to [scorer_v2]"
    assert re.search(
        r"Step 2 of 2, .* and 0 of [1-3]\d\d requests have failed \(0.0 %\) of the old version", ended.stdout
    )
    assert weights(pair) == [0, 100]


def test_bad_version_goes_back_by_itself(pair: ControlPlane, hosts: list[Host]) -> None:
    """As soon as that is known, not at the end of the step."""
    old, new = hosts
    assert release(pair, "--weight", "5").code == 0
    with begun(pair, "release", GREEN, "--steps", "50,100", "--watch", "600") as process:
        wait_for_line(process, "with weight [50]")
        send(old, 99)
        send(new, 40)
        send(new, 10, FAIL, 400)
        ended = result(process)
    ended.fails_in_one_line(
        1, f"{GREEN}: has the weight 5 again, as before", "and 0 of 99 requests have failed (0.0 %)"
    )
    assert weights(pair) == [95, 5]


def test_version_without_instances_goes_back(pair: ControlPlane, hosts: list[Host]) -> None:
    assert hosts
    with begun(pair, "release", GREEN, "--weight", "50", "--watch", "600") as process:
        wait_for_line(process, "with weight [50]")
        (pod,) = [pod for pod in pair.pods() if "green" in pod["metadata"]["name"]]
        pair.report(pod, {"conditions": [{"type": "Ready", "status": "False"}]})
        ended = result(process)
    ended.fails_in_one_line(1, "has no requests again, as before", "has no instance that takes requests")
    assert weights(pair) == [None]


def test_old_version_without_instances_gets_nothing_back(pair: ControlPlane, hosts: list[Host]) -> None:
    """And that a new one is worse changes nothing of it: there is nobody to go back to."""
    assert hosts
    with begun(pair, "release", GREEN, "--weight", "50", "--watch", "600") as process:
        wait_for_line(process, "with weight [50]")
        (pod,) = [pod for pod in pair.pods() if "green" not in pod["metadata"]["name"]]
        pair.report(pod, {"conditions": [{"type": "Ready", "status": "False"}]})
        ended = result(process)
    ended.fails_in_one_line(1, f"{GREEN}: keeps the weight 50: scorer_v2 has no instance that takes requests")
    assert weights(pair) == [50, 50]


def test_share_that_somebody_else_has_set_stays(pair: ControlPlane, hosts: list[Host]) -> None:
    old, new = hosts
    with begun(pair, "release", GREEN, "--weight", "50", "--watch", "600") as process:
        wait_for_line(process, "with weight [50]")
        assert release(pair, "--weight", "20").code == 0
        send(old, 99)
        send(new, 40)
        send(new, 10, FAIL, 400)
        ended = result(process)
    ended.fails_with(1, "keeps its weight", "somebody else has changed its share, from 50 to 20 %")
    assert weights(pair) == [80, 20]


def test_instance_that_was_not_ready_at_first_brings_no_history(
    pair: ControlPlane, hosts: list[Host], network: PodNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures of before the release are not those of its step."""
    _, new = hosts
    send(new, 100, FAIL, 400)
    monkeypatch.setenv("KUBECONFIG", str(pair.kubeconfig))
    api = open_cluster(namespace=pair.namespace)
    base = next(one["metadata"]["name"] for one in pair.objects("services") if "green" in one["metadata"]["name"])
    assert eas(pair, "scale", GREEN, "2", "--timeout", "0").code == 0
    first, second = sorted(
        pair.wait_for_pods(2, lambda pod: "green" in pod["metadata"]["name"]),
        key=lambda pod: name_of(pod) not in network.hosts,
    )
    network.hosts[name_of(second)] = network.hosts[name_of(first)]
    pair.report(first, {"conditions": [{"type": "Ready", "status": "False"}]})
    pair.report_ready(second)
    meter = RequestMeter(api, GREEN, base, TOKEN)
    assert meter.read().requests == 0
    pair.report_ready(first)
    assert meter.read().requests == 0
    send(new, 3)
    assert meter.read().requests == 6, "the same host stands in for both"


def test_new_version_whose_route_cannot_be_seen_is_not_deleted(pair: ControlPlane) -> None:
    """It may get requests."""
    assert release(pair, "--weight", "30").code == 0
    pair.allow_other("admin")
    pair.kubeconfig, own = pair.other_kubeconfig, pair.kubeconfig
    try:
        ended = eas(pair, "delete", GREEN, "-y")
    finally:
        pair.kubeconfig = own
    ended.fails_with(1, "httproutes")
    assert weights(pair) == [70, 30]
    assert desc(pair, GREEN)["Status"] == "Running"


def test_too_few_requests_leave_the_weight(pair: ControlPlane, hosts: list[Host]) -> None:
    assert hosts
    ended = release(pair, "--weight", "10", "--watch", "1", "--timeout", "1")
    assert "[WARNING] it has had 0 requests, and 100 are needed to judge it; the step lasts on" in ended.stdout
    ended.fails_in_one_line(1, "keeps the weight 10: it has had 0 requests, and 100 are needed", f"release {GREEN}")
    assert weights(pair) == [90, 10]


def test_ctrl_c_leaves_the_weights(pair: ControlPlane, hosts: list[Host]) -> None:
    assert hosts
    with begun(pair, "release", GREEN, "--steps", "10,100", "--watch") as process:
        wait_for_line(process, "with weight [10]")
        process.send_signal(signal.SIGINT)
        ended = result(process)
    assert ended.code == 130
    assert f"`eas-host release {GREEN} --weight 0` goes back" in ended.stdout
    assert weights(pair) == [90, 10]


def test_unreadable_metrics_change_nothing(pair: ControlPlane) -> None:
    """No host stands in for the pods here."""
    ended = release(pair, "--steps", "10,100", "--watch", "1")
    ended.fails_in_one_line(1, "/api/builtin/metrics answers 503: nobody answers")
    assert weights(pair) == [None]
