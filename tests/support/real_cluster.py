"""
Commands in the node of a whole Kubernetes, which `tests/cluster/up` starts.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support import LONG
from support.build import TESTS
from support.command import Ended
from support.host import clean_environment, program

UP = TESTS / "cluster" / "up"
IMAGE = "eas.test/eas-host:1"


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


def need_image() -> None:
    """Skips a test if there is no cluster, or no image of this repository in it."""
    images = enter("sh", "-c", "ctr -a $(dirname $KUBECONFIG)/containerd.sock -n k8s.io images ls -q")
    if images.code != 0:
        pytest.skip(f"{UP}: {images.stderr.strip()}")
    if IMAGE not in images.stdout:
        pytest.skip(f"the cluster has no image {IMAGE}; {UP} host makes it")
