"""
The Java bridge by itself, without host and ring: runs the tests in java/test/ in a JVM of their own.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.build import ROOT, javac, need

JAVA = ROOT / "java"
CLASSES = [path.stem for path in sorted((JAVA / "test").rglob("*Test.java"))]


@pytest.fixture(scope="session")
def bridge_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The bridge and its tests, compiled together: the tests look inside.
    """
    target = tmp_path_factory.mktemp("bridge")
    javac("-d", target, *sorted(JAVA.rglob("*.java")))
    return target


@pytest.mark.parametrize("name", CLASSES)
def test_bridge_class_passes_its_own_tests(bridge_classes: Path, name: str) -> None:
    """The printed lines show which test failed."""
    command = [
        need("java"),
        "-Xmx256m",
        "-Dfile.encoding=UTF-8",
        "-cp",
        str(bridge_classes),
        "eas.host.Check",
        name,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
