"""
TensorFlow 1.14 on Python 3.6, as many services on EAS have it: packed, on threads and in processes, and under load
while a worker is killed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import LONG, proc
from support.build import run
from support.frameworks import Package, package
from support.host import program
from support.load_run import LoadRun
from support.service import Services, services

__all__ = ["services"]

pytestmark = pytest.mark.framework("tensorflow")

SECONDS = 20
WARM = 500  # answers until the session has its threads and arenas
MIB = 1024  # in the KiB of /proc

each_way = pytest.mark.parametrize(
    ("option", "number"), [("--worker-threads", 5), ("--worker-processes", 2)], ids=["5 threads", "2 processes"]
)


@pytest.fixture
def made() -> Package:
    return package("tensorflow")


@pytest.fixture(scope="module")
def archive() -> Iterator[Path]:
    """What `eas-host pysdk pack` makes: 570 MB, packed 140 MB, which takes 15 s where nobody else works."""
    folder = package("tensorflow").folder
    began = time.monotonic()
    run(*program(), "pysdk", "pack", folder)
    packed = folder.with_name("digits.tar.gz")
    print(f"packed {packed.stat().st_size >> 20} MiB in {time.monotonic() - began:.0f} s")
    yield packed
    packed.unlink()


@each_way
def test_packed_service_recognises_ten_digits(
    made: Package, archive: Path, services: Services, option: str, number: int
) -> None:
    """The archive alone is the processor, with the ENV in it."""
    began = time.monotonic()
    host = services.start(made.description, "-D", f"processor_path={archive}", option, str(number), keepalive=LONG)
    print(f"unpacked and loaded in {time.monotonic() - began:.0f} s")
    made.check(host)
    host.stop()
    shutil.rmtree(services.cache)  # 570 MB, which pytest would keep


@each_way
def test_load_loses_nothing_when_a_worker_is_killed(
    made: Package, services: Services, option: str, number: int, tmp_path: Path
) -> None:
    """Not even what the worker was running: that runs again. The new worker holds no more than the first one held."""
    picture = tmp_path / "picture"
    picture.write_bytes(made.samples()[7].body)
    host = services.start(made.description, option, str(number), keepalive=LONG)
    host.allow_log("SIGKILL")
    first = host.workers()
    assert len(first) == (number if option == "--worker-processes" else 1)
    with LoadRun(host, connections=32, file=picture, report=100) as load:
        load.wait_answers(WARM)
        held = proc.holdings(first[0]).anonymous
        began = time.monotonic()
        host.kill_worker(first[0])
        while time.monotonic() < began + SECONDS:
            load.wait_answers(load.report)
        (new,) = set(host.workers()) - set(first)
        after, front = proc.holdings(new).anonymous, proc.holdings(host.pid).anonymous
        summary = load.finish()
    summary.check()
    assert summary.statuses == {"200": summary.answered}
    made.check(host)
    assert after < held * 1.2 + 32 * MIB
    print(
        f"{(summary.answered - WARM) / SECONDS:.0f} requests/s, {summary.answered} in all, a worker's start included; "
        f"MiB of a worker {held // MIB} before, {after // MIB} after, of the front {front // MIB}"
    )
