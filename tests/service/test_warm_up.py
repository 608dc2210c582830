"""
Warm-up: the requests of a file are answered before the service is up (`--warm-up`, `warm_up_data_path`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import run
from support.gate import Gate
from support.host import Host, StartHost
from support.network import free_port
from support.wire import Client, command

APP = """
import allspark


class Remembers(allspark.BaseProcessor):
    def initialize(self):
        self.seen = []

    def process(self, data):
        if data == b"seen?":
            return repr(self.seen).encode(), 200
        self.seen.append(data)
        return (b"no", 400) if data == b"bad" else (b"", 200)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APP)
    return path


def test_text_file_holds_one_request_a_line(start: StartHost, app: Path, tmp_path: Path) -> None:
    """Each request is sent five times in a row, in order; empty lines are no requests."""
    requests = tmp_path / "requests.txt"
    requests.write_bytes(b"one\n\ntwo words\r\n")
    host = start("python", app, warm_up=requests)
    assert host.call(b"seen?").body == repr([b"one"] * 5 + [b"two words"] * 5).encode()


def test_any_other_file_is_one_request(start: StartHost, app: Path, tmp_path: Path) -> None:
    requests = tmp_path / "warm_up.bin"
    requests.write_bytes(b"\x00one\ntwo\n")
    host = start("python", app, warm_up=requests)
    assert host.call(b"seen?").body == repr([b"\x00one\ntwo\n"] * 5).encode()


def test_warm_up_requests_are_not_counted(start: StartHost, app: Path, tmp_path: Path) -> None:
    requests = tmp_path / "requests.txt"
    requests.write_text("one\n")
    host = start("python", app, warm_up=requests)
    assert json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["requests"] == {}


def test_service_is_not_up_before_the_warm_up_ends(builder: ProcessorBuilder, tmp_path: Path, gate: Gate) -> None:
    """A connection is refused, and nothing is promised."""
    requests = tmp_path / "requests.bin"
    requests.write_bytes(gate.command(b"warm"))
    port = free_port()
    host = Host(tmp_path / "host", entry=builder.contract("cpp"), warm_up=requests, listen=f"127.0.0.1:{port}")
    gate.wait_entered()
    with pytest.raises(ConnectionRefusedError):
        Client(("127.0.0.1", port))
    assert "listening" not in host.log.text(stream="stdout")
    gate.release(5)
    with host:
        assert host.call(b"up").body == b"up"


def test_failed_warm_up_request_exits_with_3(app: Path, tmp_path: Path) -> None:
    requests = tmp_path / "requests.txt"
    requests.write_text("good\nbad\n")
    done = run("--entry", app, "--listen", "127.0.0.1:0", "--warm-up", requests)
    done.fails_with(3, f"warm-up: request 2 of 2 in {requests} was answered 400: no")


def test_crash_during_warm_up_exits_with_3(builder: ProcessorBuilder, tmp_path: Path) -> None:
    requests = tmp_path / "requests.bin"
    requests.write_bytes(command("die", "segv"))
    done = run("--entry", builder.contract("cpp"), "--listen", "127.0.0.1:0", "--warm-up", requests)
    done.fails_with(3, "was answered 500: the worker process died of SIGSEGV")


def test_endless_answer_to_a_warm_up_request_is_bounded(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Nobody reads it as it comes, so it is kept, up to 16 MiB; and --keepalive counts anew with each part."""
    requests = tmp_path / "requests.txt"
    requests.write_text("endless:warm\n")
    done = run("--entry", builder.python("streams.py"), "--listen", "127.0.0.1:0", "--warm-up", requests)
    done.fails_with(3, "was answered 500: the answer in parts has more than 16777216 bytes")


def test_missing_warm_up_file_is_reported(app: Path, tmp_path: Path) -> None:
    done = run("--entry", app, "--warm-up", tmp_path / "none.txt")
    done.fails_in_one_line(3, "none.txt", "--warm-up")


def test_warm_up_works_with_isolation_none(start: StartHost, app: Path, tmp_path: Path) -> None:
    requests = tmp_path / "requests.txt"
    requests.write_text("one\n")
    host: Host = start("python", app, warm_up=requests, isolation="none")
    assert host.call(b"seen?").body == repr([b"one"] * 5).encode()
