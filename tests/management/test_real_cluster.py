"""
Services in a whole Kubernetes: real images, pods and crashes. `tests/cluster/up` starts one, `tests/cluster/up host`
puts the image of this repository there; without them the tests are skipped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support import LONG, TIMEOUT
from support.build import TESTS, need, run
from support.host import clean_environment, program
from support.real_cluster import IMAGE, UP, eas, enter, need_image

NAME = "real_echo"
NODE = "192.0.2.1"
REGISTRY = "127.0.0.1:5000"
ADAPTER_PORT = 6444
DESCRIPTION = {
    "name": NAME,
    "processor_path": "app.py",
    "processor_entry": "app.py",
    "processor_type": "python",
    "metadata": {"instance": 2, "cpu": 0.2, "memory": 400},
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The URL of the echo, with two instances."""
    need_image()
    (tmp_path / "service.json").write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    try:
        ended = eas("create", "service.json", "--image", IMAGE, "--files-in-image", "--token", "s3cret", cwd=tmp_path)
        assert ended.code == 0, ended.stdout + ended.stderr
        endpoint = json.loads(eas("desc", NAME, "--json").stdout)["IntranetEndpoint"]
        # There is no DNS in this cluster.
        name = endpoint.split("/")[2].split(".")[0]
        address = enter("kubectl", "get", "service", name, "-o", "jsonpath={.spec.clusterIP}").stdout
        yield f"http://{address}/api/predict/{NAME}"
    finally:
        eas("delete", NAME, "-y")


def call(url: str) -> str:
    return enter("curl", "-sS", "-m", "10", "-H", "Authorization: s3cret", "-d", "hello", url).stdout


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A program in the node, which is ended later: it is the child of the one that entered the node."""
    process = subprocess.Popen(
        [UP, "enter", *words],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry that has no image."""
    address, _, port = REGISTRY.partition(":")
    words = (sys.executable, "-u", "-m", "http.server", port, "--bind", address, "--directory", tmp_path)
    with running(*words) as process:
        assert process.stdout
        assert "Serving" in process.stdout.readline()
        yield REGISTRY


FAILED, GOES_ON = "the rollout has failed", "it goes on"
FAILURES = {
    "crash": (
        ("-Dprocessor_entry=missing.py",),
        (FAILED, "exit code 3", "2 instances of another version still serve"),
    ),
    "no-image": (
        ("--image", f"{REGISTRY}/none:1"),
        (FAILED, f"the image {REGISTRY}/none:1 cannot be pulled", "not found"),
    ),
    "no-registry": (
        ("--image", "127.0.0.1:1/none:1", "--timeout", "20"),
        (GOES_ON, "the image 127.0.0.1:1/none:1 cannot be pulled", "connection refused"),
    ),
    "memory": (("-Dmetadata.memory=30",), (FAILED, "OOMKilled", "30Mi")),
    "room": (("-Dmetadata.cpu=640", "--timeout", "10"), (GOES_ON, "no node has room for cpu 640", "Insufficient cpu")),
}


@pytest.mark.usefixtures("registry")
def test_service_serves_through_every_failed_rollout(service: str) -> None:
    """And the next good version replaces it."""
    assert call(service) == "hello"
    for words, said in FAILURES.values():
        ended = eas("modify", NAME, *words)
        ended.fails_with(1, NAME, *said)
        assert len(ended.stderr.splitlines()) <= 10
        assert call(service) == "hello"
        assert eas("version", NAME, "1").code == 0
    ended = eas("modify", NAME, "-Dmetadata.rpc.keepalive=9000", "-Dmetadata.instance=1")
    assert ended.code == 0, ended.stdout + ended.stderr
    assert call(service) == "hello"


@contextmanager
def calling(url: str, token: str) -> Iterator[Counter[str]]:
    """Calls the service all the time; afterwards there are the counts of its statuses."""
    counts: Counter[str] = Counter()
    client = subprocess.Popen(
        [UP, "enter", "python3", TESTS / "support" / "calling.py", url, token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield counts
        counts.update(json.loads(client.communicate("", timeout=LONG)[0]))
    finally:
        client.kill()
        client.communicate()


def test_rotation_of_the_token_loses_no_request(service: str) -> None:
    """Until the old one ends, which no pod is replaced for; when the command has ended, all pods know the new one."""
    names = enter("kubectl", "get", "pods", "-o", "name", "-l", f"eas/service={NAME}").stdout
    with calling(service, "s3cret") as with_old:
        rotated = eas("token", NAME, "--rotate")
        assert rotated.code == 0, rotated.stderr
        assert "[OK] All instances accept the new token" in rotated.stderr
        first = rotated.stdout.strip()
        with calling(service, first) as with_new:
            leaked = eas("token", NAME, "--rotate")
            assert leaked.code == 0, leaked.stderr
    for counts in (with_old, with_new):
        assert set(counts) == {"200"}, counts
        assert counts["200"] > 100
    ended = eas("token", NAME, "--rotate", "--grace", "0")
    assert ended.code == 0, ended.stderr
    for token, status in (
        ("s3cret", "401"),
        (first, "401"),
        (leaked.stdout.strip(), "401"),
        (ended.stdout.strip(), "200"),
    ):
        answers = {answer(service, token) for _ in range(10)}
        assert answers == {status}
    assert enter("kubectl", "get", "pods", "-o", "name", "-l", f"eas/service={NAME}").stdout == names


def answer(url: str, token: str) -> str:
    words = ("curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}")
    return enter(*words, "-H", f"Authorization: {token}", "-d", "x", url).stdout


ADAPTER = f"""
apiVersion: v1
kind: Service
metadata: {{name: custom-metrics, namespace: kube-system}}
spec: {{ports: [{{port: 443, targetPort: {ADAPTER_PORT}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: custom-metrics-1, namespace: kube-system, labels: {{kubernetes.io/service-name: custom-metrics}}}}
addressType: IPv4
ports: [{{name: "", port: {ADAPTER_PORT}, protocol: TCP}}]
endpoints: [{{addresses: ["{NODE}"], conditions: {{ready: true}}}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: v1beta2.custom.metrics.k8s.io}}
spec:
  group: custom.metrics.k8s.io
  version: v1beta2
  service: {{name: custom-metrics, namespace: kube-system}}
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: eas-custom-metrics}}
rules: [{{apiGroups: [custom.metrics.k8s.io], resources: ["*"], verbs: ["*"]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: eas-custom-metrics}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: eas-custom-metrics}}
subjects: [{{kind: ServiceAccount, name: horizontal-pod-autoscaler, namespace: kube-system}}]
"""
"""What leads the API server to the adapter, and lets the autoscalers' controller ask it."""


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[None]:
    key, certificate, file = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "adapter.yaml"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=adapter", "-days", "1")
    run(need("openssl"), *words, "-keyout", key, "-out", certificate)
    file.write_text(ADAPTER, encoding="utf-8")
    program_of_it = TESTS / "support" / "metrics_adapter.py"
    with running(sys.executable, program_of_it, NODE, str(ADAPTER_PORT), certificate, key, "s3cret") as process:
        assert process.stdout
        assert process.stdout.readline() == "listens\n"
        applied = enter("kubectl", "apply", "-f", file)
        assert applied.code == 0, applied.stderr
        yield
    enter("kubectl", "delete", "-f", file)


@pytest.mark.usefixtures("adapter")
def test_autoscaler_follows_the_load_and_loses_no_request(service: str) -> None:
    """From one instance to three and back, by requests a second."""
    assert eas("scale", NAME, "1").code == 0
    keys = ("min=1", "max=3", "strategies.qps=15", "behavior.scaleDown.stabilizationWindowSeconds=5")
    ended = eas("autoscale", NAME, *(word for key in keys for word in ("-D", key)))
    assert ended.code == 0, ended.stderr
    seen = [1]
    words = ("load", service, "-d", "hello", "--token", "s3cret", "--rate", "60,6", "--seconds", "45", "--json")
    with running(*program(), *words) as load:
        deadline = time.monotonic() + TIMEOUT + 90
        while load.poll() is None:
            assert time.monotonic() < deadline
            shown = json.loads(eas("desc", NAME, "--json").stdout)
            if shown["TotalInstance"] != seen[-1]:
                seen.append(shown["TotalInstance"])
            assert shown["Autoscaler"]["MaxReplica"] == 3
        assert load.stdout
        steps = json.loads(load.stdout.read())["steps"]
    for step in steps:
        assert (step["succeeded"], step["lost"], step["unanswered"]) == (step["sent"], 0, 0), step
    assert max(seen) == 3, seen
    assert seen[-1] == 1, seen
