"""
The benchmark prints each of its tables, from one round of a second.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from support.build import ROOT

BENCH = ROOT / "bench" / "run.py"


needs_servers = pytest.mark.skipif(
    not (shutil.which("wrk") and shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")),
    reason="needs wrk and nginx",
)


def bench(only: str) -> str:
    """What it prints of *only*, after one round of a second."""
    words = [sys.executable, str(BENCH), "--rounds", "1", "--seconds", "1", "--only", only]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_servers
@pytest.mark.parametrize(
    ("only", "lines"),
    [
        ("eas-host, cpp, process", ["uvloop + httptools, bare", "eas-host, cpp, process"]),
        ("ping", ["idle", "beside 5 threads that compute"]),
    ],
)
def test_bench_prints_each_row_with_all_figures(only: str, lines: list[str]) -> None:
    printed = bench(only)
    for line in lines:
        assert re.search(rf"^\W*{re.escape(line)}\W+\d[\d,]*\W+\d+\.\d\d\W+\d+\.\d", printed, re.MULTILINE), printed


@needs_servers
def test_bench_prints_how_long_each_death_takes() -> None:
    printed = bench("deaths, cpp native")
    for cause in ("SIGSEGV", "abort", "_exit", "exit"):
        assert re.search(rf"^\| cpp native: {cause} +\| +\d+\.\d \| +\d+\.\d \|", printed, re.MULTILINE), printed
