"""
How many cores the machine and its control groups leave.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eas_host.system.cores import usable_cores

ALL = len(os.sched_getaffinity(0))
V1 = "35 31 0:32 / /sys/fs/cgroup/cpu rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct\n"
V2 = "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"


def v2(limits: dict[str, str]) -> dict[str, str]:
    """The files of a process in /a/b of version 2, with *limits* by the group."""
    return {
        "proc/self/cgroup": "0::/a/b\n",
        "proc/self/mountinfo": V2,
        **{f"sys/fs/cgroup/{group}/cpu.max": f"{text}\n" for group, text in limits.items()},
    }


def v1(quota: str) -> dict[str, str]:
    """The same for version 1."""
    return {
        "proc/self/cgroup": "4:cpu,cpuacct:/a\n3:memory:/\n",
        "proc/self/mountinfo": V1,
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": f"{quota}\n",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
    }


CASES = {
    "no groups": ({}, ALL),
    "v2, unlimited": (v2({"a/b": "max 100000"}), ALL),
    "v2, its own": (v2({"a/b": "50000 100000", "a": "max 100000"}), 0.5),
    "v2, one above": (v2({"a/b": "max 100000", "a": "20000 100000"}), 0.2),
    "v2, more than there are": (v2({"a/b": f"{(ALL + 1) * 1000} 1000"}), ALL),
    "v2, not a limit": (v2({"a/b": "50000 0", "a": "garbage"}), ALL),
    "v1, unlimited": (v1("-1"), ALL),
    "v1, limited": (v1("75000"), 0.75),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_usable_cores_are_the_least_of_all_limits(files: dict[str, str], expected: float, tmp_path: Path) -> None:
    """The limits stand in different files."""
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert usable_cores(tmp_path) == expected
