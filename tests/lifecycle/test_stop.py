"""
The ends of a host: a stop, a forced stop, a kill. Nothing of the host may be left.

`Host` itself demands exit code 0, no process and no file after every SIGTERM of every test; here are the less
ordinary ends.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support import LONG, proc
from support.build import ProcessorBuilder
from support.columns import COLUMNS, LANGUAGES, Column
from support.gate import Gate
from support.host import StartHost
from support.stop import SHUTTING_DOWN, begin_stop
from support.wire import Client, command, request

pytestmark = pytest.mark.real_starts

each_column = pytest.mark.parametrize("column", COLUMNS, ids=str)


@each_column
def test_ctrl_c_finishes_running_and_waiting_requests(start: StartHost, gate: Gate, column: Column) -> None:
    """No more connections; exit code 0."""
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


def test_next_request_on_an_idle_connection_is_answered_as_its_last(start: StartHost) -> None:
    """The connection is kept, and idle when the stop begins."""
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


def test_clients_that_wait_to_be_accepted_are_answered_at_a_stop(start: StartHost) -> None:
    """They have connected while the host had no time for them; there are more of them than it accepts in one turn."""
    host = start(keepalive=LONG, max_queue_size=1000)
    host.send_signal(signal.SIGSTOP)
    clients = [host.ask(b"%d" % number) for number in range(200)]
    host.send_signal(signal.SIGTERM)
    host.send_signal(signal.SIGCONT)
    assert [client.read().body for client in clients] == [b"%d" % number for number in range(200)]
    for client in clients:
        client.close()
    host.ends_with(0)


def traces_of_a_jvm(pid: int) -> list[Path]:
    """A JVM's file for jps and jstat, which stays when it is killed; its place cannot be chosen."""
    return list(Path("/tmp").glob(f"hsperfdata_*/{pid}"))  # noqa: S108


def assert_arrived(client: Client) -> None:
    """An answer of the host itself, which needs no worker: what was sent before it has been read."""
    assert client.call(b"", "/api/builtin/none").status == 404


def test_running_request_of_a_pipeline_is_answered_at_a_stop(start: StartHost, gate: Gate) -> None:
    """The answer says that the connection ends there."""
    host = start(keepalive=LONG)
    with host.connect() as client:
        client.send(request(body=gate.command(b"1")))
        gate.wait_entered()
        begin_stop(host, signal.SIGTERM)
        gate.release()
        assert client.read().body == b"1"
        assert client.is_closed()
    host.ends_with(0)


def test_ctrl_c_to_the_process_group_drains(start: StartHost, gate: Gate) -> None:
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
def test_requests_beyond_the_grace_period_are_given_up(start: StartHost, column: Column) -> None:
    """The stop is a clean one."""
    host = start(column.language, isolation=column.isolation, worker=column.worker, keepalive=LONG, grace_period=0.5)
    with host.ask(command("die", "hang")) as stuck, host.connect() as client:
        assert_arrived(client)
        host.send_signal(signal.SIGTERM)
        stuck.read_to_end()
    host.ends_with(0)


@each_column
def test_second_ctrl_c_ends_the_host_at_once(start: StartHost, column: Column) -> None:
    """A request runs meanwhile."""
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


def test_one_ctrl_c_after_sigterm_ends_the_host_at_once(start: StartHost, gate: Gate) -> None:
    """The line that the host prints says so."""
    host = start(keepalive=LONG)
    with host.ask(gate.command(b"never")):
        gate.wait_entered()
        begin_stop(host, signal.SIGTERM)
        host.send_signal(signal.SIGINT)
        host.ends_with(None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("busy", ["idle", "hang", "spin"])
def test_kill_9_of_the_host_ends_its_workers_and_leaves_no_file(start: StartHost, language: str, busy: str) -> None:
    """The workers are idle, hang or spin."""
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
def test_kill_9_of_a_worker_leaves_no_file(start: StartHost, language: str) -> None:
    """A JVM, for one, would leave some."""
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


@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.parametrize("language", ["cpp", "python"])
def test_processor_may_do_something_at_the_end_of_its_process(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, language: str, isolation: str
) -> None:
    """Destructors of C++ and functions for `atexit` run, also in the host's own process."""
    entry = builder.cpp("last_words") if language == "cpp" else builder.python("last_words.py")
    host = start(language, entry=entry, isolation=isolation, model_entry=tmp_path)
    assert host.call(b"x").body == b"x"
    host.stop()
    assert (tmp_path / "written").read_text(encoding="utf-8") == "ended"


def test_shared_memory_has_no_name(start: StartHost) -> None:
    """The memory goes with the last of front and worker, and no cleaning is ever due."""
    host = start()
    assert host.call(b"x").body == b"x"
    for pid in (host.pid, *host.workers()):
        named = {path for path in proc.mapped_files(pid) if path.startswith("/dev/shm/")}  # noqa: S108
        assert named == set()


def test_stop_under_load_gives_only_right_answers(start: StartHost) -> None:
    """The stop comes in the middle of many quick requests; the end is clean."""
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
