"""
How many cores this process may use.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from eas_host.system.control_groups import group_folders, read_system_file


def usable_cores(root: Path = Path("/")) -> float:
    """
    Return how many cores this process and the others in its control groups may use together, such as 1.5. /proc and the
    groups are looked for in *root*.
    """
    return min([len(os.sched_getaffinity(0)), *_quotas(root)])


def _quotas(root: Path) -> Iterator[float]:
    for group in group_folders("cpu", root):
        version_1 = (read_system_file(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        for text in (read_system_file(group / "cpu.max"), " ".join(map(str.strip, version_1))):
            # Of each period the group may use the quota, both in microseconds. No limit is max, or in version 1 -1.
            quota, _, period = text.strip().partition(" ")
            if quota.isdigit() and period.isdigit() and int(period) > 0:
                yield int(quota) / int(period)
