"""
Services in a whole Kubernetes: real images, pods and crashes. `tests/cluster/up` starts one, `tests/cluster/up host`
puts the image of this repository there; without them the tests are skipped.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import LONG
from support.build import TESTS
from support.command import Ended
from support.host import clean_environment, program

UP = TESTS / "cluster" / "up"
IMAGE = "eas.test/eas-host:1"
NAME = "real_echo"
DESCRIPTION = {
    "name": NAME,
    "processor_path": "app.py",
    "processor_entry": "app.py",
    "processor_type": "python",
    "metadata": {"instance": 2, "cpu": 0.2, "memory": 400},
}


def enter(*words: str | Path, cwd: Path | None = None) -> Ended:
    """Runs a command in the node."""
    done = subprocess.run(
        [UP, "enter", *words],
        env=clean_environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def eas(*words: str, cwd: Path | None = None) -> Ended:
    return enter(*program(), *words, cwd=cwd)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The URL of the echo, with two instances."""
    images = enter("sh", "-c", "ctr -a $(dirname $KUBECONFIG)/containerd.sock -n k8s.io images ls -q")
    if images.code != 0:
        pytest.skip(f"{UP}: {images.stderr.strip()}")
    if IMAGE not in images.stdout:
        pytest.skip(f"the cluster has no image {IMAGE}; {UP} host makes it")
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


FAILURES = {
    "crash": (("-Dprocessor_entry=missing.py",), ("exit code 3", "2 instances of another version still serve")),
    "image": (("--image", "eas.test/none:1"), ("the image eas.test/none:1 cannot be pulled",)),
    "memory": (("-Dmetadata.memory=30",), ("OOMKilled", "30Mi")),
    "room": (("-Dmetadata.cpu=640", "--timeout", "10"), ("no node has room for cpu 640", "Insufficient cpu")),
}


def test_service_serves_through_every_failed_rollout(service: str) -> None:
    """And the next good version replaces it."""
    assert call(service) == "hello"
    for words, said in FAILURES.values():
        ended = eas("modify", NAME, *words)
        ended.fails_with(1, NAME, "the rollout has failed", *said)
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
