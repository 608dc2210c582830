"""
A service manager such as systemd is told when the service takes requests, that it is alive, and when it stops.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import TIMEOUT
from support.build import ROOT, ProcessorBuilder, need
from support.command import run
from support.host import Host

SOURCE = """
import os
import allspark

class Variables(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return " ".join(os.environ).encode(), 200
"""
UNIT = ROOT / "docs" / "deploy" / "eas-host.service"


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The socket of a service manager, and its address as a variable has it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"\0eas-host-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(TIMEOUT)
        listening.bind(name)
        yield listening, name.replace("\0", "@")


def test_manager_is_told_of_start_life_and_stop(manager: tuple[socket.socket, str], tmp_path: Path) -> None:
    """The processor finds none of the variables."""
    listening, name = manager
    variables = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"}
    entry = tmp_path / "variables.py"
    entry.write_text(SOURCE)
    with Host(tmp_path / "host", variables, entry=entry, processor_type="python") as host:
        first = listening.recv(1000).decode()
        assert first == f"READY=1\nSTATUS=serves http://{host.address[0]}:{host.address[1]}/api/predict/variables"
        assert [listening.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        assert not variables.keys() & set(host.call(b"").text.split())
    told = [listening.recv(1000)]
    while told[-1] == b"WATCHDOG=1":
        told.append(listening.recv(1000))
    assert told[-1].splitlines()[0] == b"STOPPING=1"


def test_watchdog_of_another_process_is_not_served(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The variable is another one's: of a program that has started the host without taking it out."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(TIMEOUT)
        listening.bind(name)
        variables = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        with Host(tmp_path / "host", variables, entry=builder.contract("cpp"), processor_type="cpp"):
            assert listening.recv(1000).startswith(b"READY=1\n")
        assert listening.recv(1000).startswith(b"STOPPING=1\n")


def test_host_serves_without_its_manager(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The socket is gone: one line says so."""
    variables = {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1000"}
    with Host(tmp_path / "host", variables, entry=builder.contract("cpp"), processor_type="cpp") as host:
        assert host.call(b"x").body == b"x"
    said = [line for line in host.log.lines if "gone: No such file or directory; the service manager" in line.text]
    assert len(said) == 1


def test_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    """Its program is not where the unit says; else nothing is wrong, and its command line is one of ours."""
    need("systemd-analyze")
    program = str(Path(sys.executable).parent / "eas-host")
    text = UNIT.read_text()
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace("/opt/eas-host/bin/eas-host", program))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    (words,) = [line.split()[1:] for line in text.splitlines() if line.startswith("ExecStart=")]
    run(*words).fails_in_one_line(2, "/etc/eas-host/service.json: No such file")
