"""
A release in a whole Kubernetes: the metrics of real pods, through the proxy of the API server. There is no Gateway, so
the test sends the requests to each version. `tests/cluster/up` starts the cluster, `tests/cluster/up host` puts the
image there; without them the tests are skipped.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.host import clean_environment, program
from support.pod_network import HTTP_ROUTES
from support.real_cluster import IMAGE, UP, eas, enter, need_image
from support.services import result, wait_for_line

NAME = "real_scorer"
GREEN = f"{NAME}_green"
TOKEN = "s3cret"  # noqa: S105  no real one
DESCRIPTION = {
    "name": NAME,
    "processor_path": "app.py",
    "processor_entry": "app.py",
    "processor_type": "python",
    "metadata": {"instance": 1, "cpu": 0.2, "memory": 400},
}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Those of the old and of the new version."""
    need_image()
    folder = tmp_path_factory.mktemp("release")
    (folder / "routes.json").write_text(json.dumps(HTTP_ROUTES), encoding="utf-8")
    (folder / "service.json").write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    assert enter("kubectl", "apply", "-f", folder / "routes.json").code == 0
    # The server knows the kind a moment before it has a place for it.
    assert enter("timeout", "60", "sh", "-c", "until kubectl get httproutes; do sleep 0.1; done").code == 0
    create = ("create", "service.json", "--image", IMAGE, "--files-in-image")
    try:
        for words in (("--token", TOKEN, "--gateway", "main"), ("-D", "metadata.release=true")):
            ended = eas(*create, *words, cwd=folder)
            assert ended.code == 0, ended.stdout + ended.stderr
        yield url(NAME), url(GREEN)
    finally:
        for name in (GREEN, NAME):
            eas("delete", name, "-y")
        enter("kubectl", "delete", "-f", folder / "routes.json")


def url(name: str) -> str:
    endpoint = str(json.loads(eas("desc", name, "--json").stdout)["IntranetEndpoint"])
    place = endpoint.split("/")[2]
    service = place.partition(".")[0]
    # There is no DNS in this cluster.
    address = enter("kubectl", "get", "service", service, "-o", "jsonpath={.spec.clusterIP}").stdout
    return endpoint.replace(place, address)


def send(url: str, number: int, *words: str) -> None:
    """Sends so many requests, one after the other."""
    ended = enter("curl", "-sS", "-H", f"Authorization: {TOKEN}", "-d", "x", *words, f"{url}?[1-{number}]")
    assert ended.code == 0, ended.stderr


@contextmanager
def releasing(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A release that waits for requests."""
    process = subprocess.Popen(
        [UP, "enter", *program(), "release", GREEN, *words],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_version_that_fails_goes_back_and_a_good_one_does_not(urls: tuple[str, str]) -> None:
    """Both times by what the pods themselves tell, which want the token for it."""
    old, new = urls
    with releasing("--steps", "20,100", "--watch", "600") as process:
        wait_for_line(process, "with weight [20]")
        send(old, 400)
        send(new, 100, "-X", "PUT", "-o", "/dev/null")
        ended = result(process)
    ended.fails_with(1, f"{GREEN}: has no requests again, as before", "requests have failed")
    with releasing("--steps", "20,100", "--watch", "3") as process:
        wait_for_line(process, "with weight [20]")
        send(old, 400)
        send(new, 110)
        wait_for_line(process, "with weight [100]")
        send(new, 110)
        ended = result(process)
    assert ended.code == 0, ended.stderr
    assert json.loads(eas("desc", GREEN, "--json").stdout)["Weight"] == 100
