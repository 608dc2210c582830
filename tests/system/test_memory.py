"""
How much memory the machine and its control groups leave, and which process is killed when there is none.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.dispatch.memory_budget import default_size
from eas_host.system.memory import available_bytes
from support.cgroup import control_group
from support.host import StartHost
from support.wire import command

MIB = 1 << 20
MACHINE = 8192 * MIB
MEMINFO = {"proc/meminfo": "MemTotal:        8388608 kB\nMemFree:          100 kB\n"}
V1 = "35 31 0:32 {top} /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory\n"
V2 = "31 23 0:28 {top} /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
OTHERS = "33 31 0:30 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n24 23 0:23 / /proc rw - proc proc rw\n"


def v2(group: str, limits: dict[str, str], top: str = "/") -> dict[str, str]:
    """The files of a process in *group* of version 2, with *limits* by the file's path below the mount."""
    return {
        "proc/self/cgroup": f"0::{group}\n",
        "proc/self/mountinfo": OTHERS + V2.format(top=top),
        **{f"sys/fs/cgroup/{path}": f"{text}\n" for path, text in limits.items()},
    }


def v1(group: str, limits: dict[str, str], top: str = "/") -> dict[str, str]:
    """The same for version 1."""
    return {
        "proc/self/cgroup": f"9:name=systemd:/\n4:cpu,memory:{group}\n1:cpuset:/\n0::/\n",
        "proc/self/mountinfo": V1.format(top=top) + OTHERS,
        **{f"sys/fs/cgroup/memory/{path}": f"{text}\n" for path, text in limits.items()},
    }


NO_LIMIT = "9223372036854771712"
CASES = {
    "no groups": ({}, MACHINE),
    "v2, unlimited": (v2("/a", {"a/memory.max": "max"}), MACHINE),
    "v2, its own": (v2("/a/b", {"a/memory.max": "max", "a/b/memory.max": str(400 * MIB)}), 400 * MIB),
    "v2, one above": (
        v2("/a/b/c", {"a/memory.max": str(300 * MIB), "a/b/memory.max": "max", "a/b/c/memory.max": str(500 * MIB)}),
        300 * MIB,
    ),
    "v2, a throttle": (v2("/a", {"a/memory.max": str(500 * MIB), "a/memory.high": str(450 * MIB)}), 450 * MIB),
    "v2, a container": (v2("/", {"memory.max": str(200 * MIB)}), 200 * MIB),
    "v2, a container without a namespace": (
        v2("/docker/1234", {"memory.max": str(200 * MIB)}, top="/docker/1234"),
        200 * MIB,
    ),
    "v2, a group in a container": (
        v2("/docker/1234/x", {"memory.max": "max", "x/memory.max": str(90 * MIB)}, top="/docker/1234"),
        90 * MIB,
    ),
    "v2, outside of what is seen": (v2("/../other", {"memory.max": str(100 * MIB)}), 100 * MIB),
    "v1, unlimited": (v1("/", {"memory.limit_in_bytes": NO_LIMIT}), MACHINE),
    "v1, one above": (
        v1("/a/b", {"a/memory.limit_in_bytes": str(300 * MIB), "a/b/memory.limit_in_bytes": NO_LIMIT}),
        300 * MIB,
    ),
    "v1, one that is not seen": (
        v1("/", {"memory.limit_in_bytes": NO_LIMIT, "memory.stat": f"cache 1\nhierarchical_memory_limit {250 * MIB}"}),
        250 * MIB,
    ),
    "v1, a container": (v1("/docker/12", {"memory.limit_in_bytes": str(70 * MIB)}, top="/docker/12"), 70 * MIB),
    "both, the limit in v1": (
        {
            **v1("/a", {"a/memory.limit_in_bytes": str(128 * MIB)}),
            "proc/self/cgroup": "4:memory:/a\n0::/b\n",
            "proc/self/mountinfo": V1.format(top="/") + V2.format(top="/").replace("/sys/fs/cgroup", "/cgroup2"),
        },
        128 * MIB,
    ),
    "more than the machine has": (v2("/a", {"a/memory.max": str(16 * MACHINE)}), MACHINE),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_available_memory_is_the_least_of_all_limits(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    """The limits stand in different files."""
    for path, text in {**MEMINFO, **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert available_bytes(tmp_path) == expected


def test_available_memory_without_proc_is_1_gib(tmp_path: Path) -> None:
    """The value is a cautious one."""
    assert available_bytes(tmp_path) == 1024 * MIB


def test_available_memory_is_the_limit_of_the_control_group() -> None:
    """The group is a real one; the limit may be that of the group above."""
    ask = [sys.executable, "-c", "from eas_host.system.memory import available_bytes; print(available_bytes())"]
    with control_group("memory") as group, group.inside():
        group.limit_memory(123 * MIB)
        assert int(subprocess.run(ask, capture_output=True, check=True).stdout) == 123 * MIB


def test_default_budget_is_a_third_of_the_memory() -> None:
    """Within bounds."""
    assert 16 * MIB <= default_size() <= 4096 * MIB
    assert default_size() == pytest.approx(available_bytes() / 3, rel=0.01) or default_size() in (16 * MIB, 4096 * MIB)


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_workers_are_killed_before_the_front_when_memory_is_short(start: StartHost) -> None:
    """A worker that replaces another has the same score."""
    host = start(worker_processes=2)
    ours = score(host.pid)
    assert [score(pid) for pid in host.workers()] == [min(1000, ours + 500)] * 2
    host.allow_log("SIGKILL")
    dead = host.kill_worker()
    serving: set[int] = set()
    while len(serving) < 2:
        serving.add(int(host.call(command("pid")).body))
    assert dead not in serving
    assert {score(pid) for pid in serving} == {min(1000, ours + 500)}
