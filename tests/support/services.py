"""
Commands on services in the cluster of a test, and a service that most of them are about. A module that imports both
fixtures has a control plane of its own, and each of its tests a namespace.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import TIMEOUT
from support.command import Ended, run
from support.host import clean_environment, program
from support.kubernetes import ControlPlane, Object, control_plane
from support.manifests import IMAGE, PLAIN

DESCRIPTION = PLAIN | {"name": "scorer_v2", "metadata": {"instance": 2, "cpu": 0.1, "memory": 100}}
BASE = "eas-scorer-v2-"
NEW_IMAGE = "registry.example.com/eas-host:2"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        yield started


@pytest.fixture
def cluster(plane: ControlPlane, request: pytest.FixtureRequest) -> ControlPlane:
    """A namespace of its own for each test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-50:].strip("-")
    plane.new_namespace(name)
    return plane


def eas(cluster: ControlPlane, *words: str, cwd: Path | None = None) -> Ended:
    return run(*words, "--namespace", cluster.namespace, variables={"KUBECONFIG": str(cluster.kubeconfig)}, cwd=cwd)


@contextmanager
def begun(cluster: ControlPlane, *words: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command that waits for what the test does next."""
    process = subprocess.Popen(
        [*program(), *words, "--namespace", cluster.namespace],
        env=clean_environment() | {"KUBECONFIG": str(cluster.kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def result(process: subprocess.Popen[str]) -> Ended:
    stdout, stderr = process.communicate(timeout=TIMEOUT)
    return Ended(process.returncode, stdout, stderr)


def wait_for_line(process: subprocess.Popen[str], text: str) -> list[str]:
    """All lines up to the one with *text*."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    pytest.fail(f"{text!r} is not in {lines}; {process.stderr and process.stderr.read()}")


def write(folder: Path, description: Object) -> None:
    (folder / "service.json").write_text(json.dumps(description), encoding="utf-8")


def create(cluster: ControlPlane, folder: Path, *words: str) -> Ended:
    """Creates the service and has its two pods be ready."""
    write(folder, DESCRIPTION)
    words = ("create", "service.json", "--image", IMAGE, "--token", "s3cret", *words)
    with begun(cluster, *words, cwd=folder) as process:
        for pod in cluster.wait_for_pods(2):
            cluster.report_ready(pod)
        ended = result(process)
    assert ended.code == 0, ended.stderr
    return ended


def desc(cluster: ControlPlane) -> dict[str, Any]:
    ended = eas(cluster, "desc", "scorer_v2", "--json")
    assert ended.code == 0, ended.stderr
    shown = json.loads(ended.stdout)
    assert isinstance(shown, dict)
    return shown
