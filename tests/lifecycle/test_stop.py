"""
The end of a host, in every way: asked politely, asked twice, killed. Nothing of it may be left.

`Host` itself demands exit code 0, no process and no file after every SIGTERM of every test; here are the less
ordinary ends.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support import LONG, proc
from support.columns import COLUMNS, LANGUAGES, Column
from support.gate import Gate
from support.host import StartHost
from support.stop import SHUTTING_DOWN, begin_stop
from support.wire import Client, command, request

each_column = pytest.mark.parametrize("column", COLUMNS, ids=str)


@each_column
def test_drain(start: StartHost, gate: Gate, column: Column) -> None:
    """Ctrl+C: no more connections, what runs and what waits is finished, exit code 0."""
    host = start(column.language, isolation=column.isolation, worker=column.worker, worker_threads=1, keepalive=LONG)
    with host.connect() as running, host.connect() as waiting, host.connect() as idle:
        assert idle.call(b"idle").body == b"idle"
        running.send(request(body=gate.command(b"running")))
        gate.wait_entered()
        waiting.send(request(body=b"waiting"))
        assert_arrived(idle)
        begin_stop(host)
        assert idle.is_closed()
        with pytest.raises(ConnectionRefusedError):
            host.connect()
        gate.release()
        for client, body in ((running, b"running"), (waiting, b"waiting")):
            answer = client.read()
            assert (answer.status, answer.body) == (200, body)
            assert (answer.get("Connection") or "").lower() == "close"
            assert client.is_closed()
    host.ends_with(0)


def test_a_request_on_its_way(start: StartHost) -> None:
    """A kept connection that is at rest when the stop begins: the client's next request is answered as its last."""
    host = start(keepalive=LONG)
    with host.connect() as client, host.connect() as idle:
        for one in (client, idle):
            assert one.call(b"first").body == b"first"
        begin_stop(host, signal.SIGTERM)
        answer = client.call(b"on its way")
        assert (answer.status, answer.body, answer.get("Connection")) == (200, b"on its way", "close")
        assert client.is_closed()
        assert idle.is_closed()
    host.ends_with(0)


def traces_of_a_jvm(pid: int) -> list[Path]:
    """A JVM's file for jps and jstat, which stays when it is killed; its place cannot be chosen."""
    return list(Path("/tmp").glob(f"hsperfdata_*/{pid}"))  # noqa: S108


def assert_arrived(client: Client) -> None:
    """An answer of the host itself, which needs no worker: what was sent before it has been read."""
    assert client.call(b"", "/api/builtin/none").status == 404


def test_drain_keeps_the_rest_of_a_pipeline(start: StartHost, gate: Gate) -> None:
    """Of pipelined requests the one that runs is answered; the answer says that the connection ends there."""
    host = start(keepalive=LONG)
    with host.connect() as client:
        client.send(request(body=gate.command(b"1")))
        gate.wait_entered()
        begin_stop(host, signal.SIGTERM)
        gate.release()
        assert client.read().body == b"1"
        assert client.is_closed()
    host.ends_with(0)


def test_ctrl_c_in_a_terminal(start: StartHost, gate: Gate) -> None:
    """A terminal sends SIGINT to all processes of the foreground group; workers leave it to the host."""
    for language in LANGUAGES:
        host = start(language, keepalive=LONG)
        with host.ask(gate.command(b"running")) as client:
            gate.wait_entered(len(gate.entries()) + 1)
            os.killpg(host.pid, signal.SIGINT)
            host.log.wait(SHUTTING_DOWN, stream="stdout")
            gate.release()
            assert client.read().body == b"running"
        host.ends_with(0)


@each_column
def test_grace_period(start: StartHost, column: Column) -> None:
    """What still runs after --grace-period is given up; the stop is a clean one."""
    host = start(column.language, isolation=column.isolation, worker=column.worker, keepalive=LONG, grace_period=0.5)
    with host.ask(command("die", "hang")) as stuck, host.connect() as client:
        assert_arrived(client)
        host.send_signal(signal.SIGTERM)
        stuck.read_to_end()
    host.ends_with(0)


@each_column
def test_second_ctrl_c(start: StartHost, column: Column) -> None:
    """It ends the host now, whatever runs."""
    host = start(column.language, isolation=column.isolation, worker=column.worker, keepalive=LONG)
    with (
        host.ask(command("die", "spin" if column.language != "python" else "hang")),
        host.connect() as client,
    ):
        assert_arrived(client)
        begin_stop(host)
        host.send_signal(signal.SIGINT)
        host.ends_with(None)
    assert host.process.returncode != 0


def test_ctrl_c_after_sigterm(start: StartHost, gate: Gate) -> None:
    """After a SIGTERM one Ctrl+C is enough, as the line says that the host prints."""
    host = start(keepalive=LONG)
    with host.ask(gate.command(b"never")):
        gate.wait_entered()
        begin_stop(host, signal.SIGTERM)
        host.send_signal(signal.SIGINT)
        host.ends_with(None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("busy", ["idle", "hang", "spin"])
def test_kill_of_the_host(start: StartHost, language: str, busy: str) -> None:
    """kill -9 of the host ends its workers, whatever they are doing, and leaves no file."""
    host = start(language, worker_processes=2, keepalive=LONG)
    workers = host.workers()
    assert len(workers) == 2
    clients = [host.ask(command("die", busy)) for _ in range(3 if busy != "idle" else 0)]
    with host.connect() as client:
        assert_arrived(client)
    host.send_signal(signal.SIGKILL)
    host.ends_with(-signal.SIGKILL)
    assert proc.wait_until_gone(workers) == []
    for pid in workers:
        assert traces_of_a_jvm(pid) == []
    for client in clients:
        client.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_kill_of_workers_leaves_no_file(start: StartHost, language: str) -> None:
    """Nor does kill -9 of a worker, of which a JVM, for one, would leave some."""
    host = start(language, keepalive=LONG)
    victims = []
    for _ in range(2):
        victims.append(host.kill_worker())
        assert host.call(b"next").body == b"next"
    host.allow_log("SIGKILL")
    host.stop()
    for pid in victims:
        assert traces_of_a_jvm(pid) == []
    assert sorted(path.name for path in host.entry.parent.iterdir() if path.name != "__pycache__") == [host.entry.name]


def test_shared_memory_has_no_name(start: StartHost) -> None:
    """
    What front and worker share is anonymous: it goes with the last of them, and no cleaning is ever due.
    """
    host = start()
    assert host.call(b"x").body == b"x"
    for pid in (host.pid, *host.workers()):
        named = {path for path in proc.mapped_files(pid) if path.startswith("/dev/shm/")}  # noqa: S108
        assert named == set()


def test_stop_under_load(start: StartHost) -> None:
    """
    A stop in the middle of many quick requests: every answer that comes is a right one, and the end is clean.
    """
    host = start(worker_processes=2)
    with host.connect() as client:
        client.send(b"".join(request(body=b"%d" % number) for number in range(3000)))
        assert client.read().body == b"0"
        host.send_signal(signal.SIGTERM)
        expected = 1
        for line in client.read_to_end().split(b"HTTP/1.1 ")[1:]:
            assert line.startswith(b"200 ")
            assert line.endswith(b"\r\n\r\n%d" % expected)
            expected += 1
    host.ends_with(0)
