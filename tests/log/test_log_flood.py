"""
A processor that prints faster than the front can log: others are served beside it, and it leaves nothing behind.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import TIMEOUT, proc
from support.build import SOURCES, TESTS
from support.host import Host, StartHost

ENTRY = SOURCES / "python" / "floods.py"
each_form = pytest.mark.parametrize("form", ["text", "json"])
LONGEST = 1.0  # seconds for one answer of a busy machine; it was more than five


PINGS = """
import sys, time
from support.wire import Client
with Client((sys.argv[1], int(sys.argv[2]))) as client:
    for _ in range(30):
        start = time.monotonic()
        assert client.call(None, "/api/builtin/ping", "GET").status == 200
        print(time.monotonic() - start)
"""


def assert_prompt(host: Host) -> None:
    """Pings from a process of its own: this one reads the log, so what it measures is its own threads' quarrel."""
    name, port = host.address
    command = [sys.executable, "-c", PINGS, name, str(port)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    pings = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT)
    assert max(float(seconds) for seconds in pings.stdout.split()) < LONGEST


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    copy = tmp_path / ENTRY.name
    copy.write_bytes(ENTRY.read_bytes())
    return copy


@each_form
def test_ping_is_answered_beside_a_flood_of_prints(start: StartHost, entry: Path, form: str) -> None:
    """Four threads of two workers print lines of one letter."""
    host = start("python", entry=entry, log_format=form, worker_processes=2)
    with host.connect() as client:
        for _ in range(4):
            assert client.call(b"flood").status == 200
        assert_prompt(host)
        assert client.call(b"x").body == b"done"


@each_form
def test_process_that_prints_on_after_its_worker_loses_its_pipe(start: StartHost, entry: Path, form: str) -> None:
    """The front is free again, and holds nothing of it."""
    host = start("python", entry=entry, log_format=form)
    with host.connect() as client:
        assert client.call(b"x").status == 200
        descriptors = host.settled().descriptors
        left = proc.Watch(int(client.call(b"leave").body))
        host.allow_log("SIGKILL")
        host.kill_worker()
        assert left.wait(), "it prints on"
        assert client.call(b"x").status == 200
        assert_prompt(host)
        assert host.settled().descriptors == descriptors


@each_form
def test_last_lines_of_a_worker_are_logged_before_its_death(start: StartHost, entry: Path, form: str) -> None:
    """The very last line is logged, too."""
    host = start("python", entry=entry, log_format=form)
    host.allow_log("SIGABRT|File ")  # and the frames, with some of ours
    assert host.call(b"last words").status == 500
    assert host.call(b"x").status == 200
    host.wait_for_log("it is replaced")
    lines = host.new_log().splitlines()
    died = next(at for at, line in enumerate(lines) if "it is replaced" in line)
    last = next(at for at, line in enumerate(lines) if re.search(r"\bline 4999\b", line))
    assert last < died
    numbers = [int(number) for number in re.findall(r"^(?:.*\")?line (\d+)\b", "\n".join(lines[:died]), re.MULTILINE)]
    assert numbers == list(range(5000))


def test_host_stops_during_a_flood_of_prints(start: StartHost, entry: Path) -> None:
    host: Host = start("python", entry=entry, log_format="json")
    assert host.call(b"flood").status == 200
    host.stop()
