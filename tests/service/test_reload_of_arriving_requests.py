"""
Requests that arrive during a reload: their heads were read for the old version, whose ring is gone soon.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import proc
from support.build import ProcessorBuilder
from support.cgroup import Group, control_group
from support.gate import Gate, hold
from support.host import Host, StartHost, Value
from support.wire import command, request

DONE = r"^\[INFO\] Service reload successfully$"
BODY = bytes(range(256)) * 4096
UNSTARTED = "cannot be started|cannot start its threads"
"""A thread of the front that ended meanwhile may have left room for the process, but then not for its threads."""

APP = """
import allspark


class Versioned(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return b"%d {version}" % len(data), 200
"""
INJECTS = """
import allspark


class Injects(allspark.BaseProcessor):
    def initialize(self):
        self.queued.inject("{path}", lambda body: b"{version} %d" % len(body))

    def process(self, data):
        return data, 200
"""


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    path = tmp_path / "program" / "app.py"
    path.parent.mkdir()
    path.write_text(APP.format(version=1))
    return path


def replace(host: Host, write: Callable[[], object]) -> None:
    """Has another version take over, and waits until nothing of the old one is left."""
    watches = [proc.Watch(worker) for worker in host.workers()]
    write()
    host.wait_for_log(DONE)
    assert all(watch.wait() for watch in watches)
    host.call(b"", "/api/builtin/monitor", "GET")  # the front has seen their end


def parts(host: Host, body: bytes, headers: tuple[tuple[str, str], ...] = (), target: str = "") -> tuple[bytes, bytes]:
    """A request's head and its body."""
    head, _, rest = request("POST", target or host.path, body, headers).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


@pytest.mark.parametrize("expects", [False, True])
def test_body_that_begins_after_the_swap_is_answered_by_the_new_version(
    start: StartHost, entry: Path, expects: bool
) -> None:
    """The head came for the old version, which is gone; the body arrives in pieces."""
    host = start("python", entry, reload=True)
    head, body = parts(host, BODY, (("Expect", "100-continue"),) if expects else ())
    with host.connect() as client:
        client.send(head)
        if expects:
            assert client.socket.recv(100).startswith(b"HTTP/1.1 100")
        host.call(b"the head has been read")
        replace(host, lambda: entry.write_text(APP.format(version=2)))
        for at in range(0, len(body), 1 << 16):
            client.send(body[at : at + (1 << 16)])
        assert client.read().body == b"%d 2" % len(BODY)


def test_body_that_outlasts_the_grace_period_moves_to_the_new_version(start: StartHost, entry: Path) -> None:
    """The part that has come moves out of the old version's ring before that goes, and the rest is added."""
    host = start("python", entry, reload=True, grace_period=0.2, keepalive=60_000)
    head, body = parts(host, BODY)
    with host.connect() as client:
        client.send(head + body[:100_000])
        host.call(b"the start has been read")
        replace(host, lambda: entry.write_text(APP.format(version=2)))
        client.send(body[100_000:])
        assert client.read().body == b"%d 2" % len(BODY)


def test_compressed_body_is_decompressed_for_the_new_version(start: StartHost, entry: Path) -> None:
    """The old version was broken: whether the body is worth decompressing is asked of the one that will answer it."""
    host = start("python", entry, reload=True)
    packed = gzip.compress(BODY)
    head, body = parts(host, packed, (("Content-Encoding", "gzip"),))
    with host.connect() as client:
        client.send(head + body[:100])
        host.call(b"the start has been read")
        host.allow_log("worker 0|the old version goes on serving|no version")
        entry.write_text("raise ValueError('no version')\n")
        host.wait_for_log("the old version goes on serving")
        host.kill_worker()
        host.wait_for_log("it is replaced in")
        host.mark()
        entry.write_text(APP.format(version=3))
        host.wait_for_log(DONE)
        client.send(body[100:])
        assert client.read().body == b"%d 3" % len(BODY)


def test_requests_that_wait_beyond_the_grace_period_move_to_the_new_version(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, gate: Gate
) -> None:
    """Requests that run in the old one answer 503."""
    path = tmp_path / "contract.py"
    shutil.copy(builder.contract("python"), path)
    host = start("python", path, reload=True, worker_threads=1, grace_period=0.2, keepalive=60_000)
    large = bytes(100_000)
    with host.ask(gate.command(b"held")) as held, host.connect() as packs:
        gate.wait_entered()
        with host.ask(b"small") as small, host.ask(large) as uploads:
            packs.send(request(body=gzip.compress(large), headers=[("Content-Encoding", "gzip")]))
            host.wait_queue(3)
            path.write_text(path.read_text() + "\n# another version\n")
            assert small.read().body == b"small"
            assert uploads.read().body == large
            assert packs.read().body == large
        assert held.read().status == 503


def kill_without_replacement(host: Host, group: Group, worker: int) -> None:
    """Kills *worker*, where no process can be started in its place until *group* allows it."""
    group.join([host.pid])
    group.limit_processes(0)
    os.kill(worker, signal.SIGKILL)
    host.wait_for_log(UNSTARTED)


def test_suspects_that_the_old_version_cannot_run_move_to_the_new_version(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, gate: Gate
) -> None:
    """
    The worker died, so they are to run alone, and no process can be started for that until the grace period is over.
    """
    path = tmp_path / "contract.py"
    shutil.copy(builder.contract("python"), path)
    host = start("python", path, reload=True, worker_threads=2, grace_period=3, keepalive=60_000)
    host.allow_log(f"SIGKILL|{UNSTARTED}")
    with control_group("pids") as group, host.ask(gate.command(b"a")) as first, host.ask(gate.command(b"b")) as second:
        old = gate.wait_entered(2)[0].pid
        path.write_text(path.read_text() + "\n# another version\n")
        host.wait_for_log(DONE)
        kill_without_replacement(host, group, old)
        gate.release(4)
        assert (first.read().body, second.read().body) == (b"a", b"b")
        group.limit_processes(None)
        host.stop()


def test_suspects_go_to_the_next_version_past_the_idle_workers_of_the_old_one(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, gate: Gate
) -> None:
    """One that took such a request at the very end of the grace period could not answer it any more."""
    path = tmp_path / "contract.py"
    shutil.copy(builder.contract("python"), path)
    options: dict[str, Value] = {"worker_processes": 2, "worker_threads": 20, "grace_period": 3, "keepalive": 60_000}
    host = start("python", path, reload=True, **options)
    host.allow_log(f"SIGKILL|{UNSTARTED}")
    with control_group("pids") as group, ExitStack() as clients:
        held = hold(host, gate, clients, 20)
        entered = Counter(event.pid for event in gate.entries())
        killed, count = entered.most_common(1)[0]
        path.write_text(path.read_text() + "\n# another version\n")
        host.wait_for_log(DONE)
        kill_without_replacement(host, group, killed)
        gate.release(20 + count)
        assert [client.read().body for client in held] == [b"%d" % number for number in range(20)]
        again = [event.pid for event in gate.catch_up()[20:] if event.kind == "enter"]
        assert len(again) == count
        assert not set(again) & set(entered), "a worker of the old version took them"
        group.limit_processes(None)
        host.stop()


def test_request_that_timed_out_does_not_keep_the_old_version(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, gate: Gate
) -> None:
    """The client has its 408, so that version ends without waiting for the grace period."""
    path = tmp_path / "contract.py"
    shutil.copy(builder.contract("python"), path)
    host = start("python", path, reload=True, keepalive=500, grace_period=86_400)
    with host.ask(gate.command(b"held")) as client:
        gate.wait_entered()
        assert client.read().status == 408
        replace(host, lambda: path.write_text(path.read_text() + "\n# another version\n"))
        assert host.call(command("size", "3")).status == 200


@pytest.mark.parametrize(("path", "status"), [("/mine", 200), ("/another", 404)])
def test_request_for_an_injected_handler_is_answered_by_the_new_version(
    start: StartHost, entry: Path, path: str, status: int
) -> None:
    """If there is such a handler; the head was read for the old version's."""
    entry.write_text(INJECTS.format(version=1, path="/mine"))
    host = start("python", entry, reload=True)
    head, body = parts(host, b"x" * 1000, target="/mine")
    with host.connect() as client:
        client.send(head)
        host.call(b"the head has been read")
        replace(host, lambda: entry.write_text(INJECTS.format(version=2, path=path)))
        client.send(body)
        answer = client.read()
        assert answer.status == status
        assert (answer.body == b"2 1000") == (status == 200)
