"""
`tests/cluster/up down` ends its node, and no other process that has got the same number since.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import TIMEOUT
from support.build import TESTS
from support.host import clean_environment


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A process, and its only child, which stands for the first process of a node."""
    words = ["bash", "-c", "sleep 1000 & echo $!; wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        try:
            yield parent.pid, child
        finally:
            if lives(child):
                os.kill(child, signal.SIGKILL)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def down(folder: Path, noted: str) -> None:
    """Ends a node of which *noted* was noted when it was started."""
    (folder / "run").mkdir()
    (folder / "run" / "node.pid").write_text(f"{noted}\n", encoding="utf-8")
    variables = clean_environment() | {"EAS_HOST_CLUSTER": str(folder)}
    subprocess.run([TESTS / "cluster" / "up", "down"], env=variables, check=True, timeout=TIMEOUT)


def life(process: int) -> str:
    """When it began, in ticks since the boot, and which boot."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return f"{fields[19]} {Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()}"


def test_node_is_ended(tmp_path: Path, family: tuple[int, int]) -> None:
    parent, child = family
    down(tmp_path, f"{parent} {life(parent)}")
    assert not lives(child)


@pytest.mark.parametrize("other", ["", "another boot", "another start"])
def test_process_with_a_number_of_before_is_left_alone(tmp_path: Path, family: tuple[int, int], other: str) -> None:
    parent, child = family
    start, boot = life(parent).split()
    noted = {"": "", "another boot": f"{start} {boot[::-1]}", "another start": f"{int(start) - 1} {boot}"}[other]
    down(tmp_path, f"{parent} {noted}".strip())
    assert lives(child)
