"""
The image classification example under load: 32 connections, no error, always the same answer, and memory that stays.

The normal run is short. EAS_HOST_TORTURE_SECONDS=60 runs each language for that long.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support import proc
from support.classifiers import LANGUAGES, start
from support.digits import EXAMPLE
from support.load_run import LoadRun

pytestmark = [pytest.mark.torture, pytest.mark.real_starts]

SECONDS = float(os.environ.get("EAS_HOST_TORTURE_SECONDS", "0"))
PICTURE = EXAMPLE / "images" / "2-white.jpg"
WARM = 1_000  # answers until pools, arenas and the JVM's heap have their size
MIB = 1024  # in the KiB of /proc


@pytest.mark.parametrize("language", LANGUAGES)
def test_32_connections_get_the_same_answer_and_memory_stays(language: str, tmp_path: Path) -> None:
    """The host's processes hold in the end what they held after the first requests."""
    heap = {"jvm_options": "-Xmx256m"} if language == "java" else {}  # else a JVM takes what it likes
    with start(language, tmp_path, keepalive=60_000, **heap) as host:
        with LoadRun(host, connections=32, file=PICTURE, report=100) as load:
            load.wait_answers(WARM)
            (worker,) = host.workers()
            front, before = proc.holdings(host.pid), proc.holdings(worker)
            end = time.monotonic() + SECONDS
            load.wait_answers(WARM)
            while time.monotonic() < end:
                load.wait_answers(load.report)
            summary = load.finish()
        summary.check()
        assert summary.statuses == {"200": summary.answered}
        assert host.workers() == [worker]
        after = proc.holdings(worker)
        assert after.anonymous < before.anonymous * 1.2 + 32 * MIB
        assert proc.holdings(host.pid).anonymous < front.anonymous + 32 * MIB
        assert after.descriptors <= before.descriptors
