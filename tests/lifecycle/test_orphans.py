"""
No process is left, however the host ends: neither a worker that is stopped or blocks all signals, nor a program that a
processor has started.

`Host.ends_with` looks for every process that carries the mark of its host in its environment.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import proc
from support.build import SOURCES
from support.columns import LANGUAGES, each_worker
from support.gate import Gate
from support.host import Host, StartHost
from support.stop import begin_stop

pytestmark = pytest.mark.real_starts

ENTRY = SOURCES / "python" / "starts_others.py"
_SMALL = 1024
"""KiB. A program that is linked with the C library alone has 100 of its own; a copy of any worker has thousands."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a copy of processors/python/starts_others.py, which reads there what it should do."""
    made = tmp_path / "app"
    made.mkdir()
    shutil.copy(ENTRY, made)
    return made


@pytest.fixture
def loading(folder: Path, gate: Gate, tmp_path: Path) -> Iterator[Host]:
    """A host whose processor has started a program of its own and is still loading."""
    (folder / "gate").write_text(str(gate.folder), encoding="utf-8")
    host = Host(tmp_path / "host", entry=folder / ENTRY.name)
    host.allow_log("SIGKILL")
    try:
        gate.wait_entered()
        yield host
    finally:
        host.kill()


@pytest.fixture
def serving(start: StartHost, folder: Path) -> Host:
    """A host whose processor has started a program of its own."""
    host = start("python", entry=folder / ENTRY.name)
    host.allow_log("SIGKILL")
    assert host.call(b"x").body == b"x"
    return host


def processes(host: Host) -> list[int]:
    """All processes of *host*, with the program that its processor has started among them."""
    pids = proc.marked(host._mark)
    assert any("signal.pause()" in proc.command_line(pid) for pid in pids)
    return pids


# Workers that cannot listen.


@pytest.mark.parametrize("language", LANGUAGES)
def test_stopped_worker_does_not_survive_kill_9_of_the_host(start: StartHost, language: str) -> None:
    """A debugger stops a worker in this way."""
    host = start(language, worker_processes=2)
    for worker in host.workers():
        os.kill(worker, signal.SIGSTOP)
    host.send_signal(signal.SIGKILL)
    host.ends_with(-signal.SIGKILL)


def test_ctrl_c_ends_a_host_with_a_stopped_worker(start: StartHost) -> None:
    host = start()
    (worker,) = host.workers()
    with host.connect():
        os.kill(worker, signal.SIGSTOP)
        host.send_signal(signal.SIGINT)
        host.ends_with(0)


@pytest.mark.parametrize("when", ["loading", "serving"])
def test_worker_that_blocks_all_signals_does_not_survive_kill_9_of_the_host(
    folder: Path, gate: Gate, tmp_path: Path, when: str
) -> None:
    """Libraries block them before they start threads."""
    (folder / "deaf").touch()
    if when == "loading":
        (folder / "gate").write_text(str(gate.folder), encoding="utf-8")
    host = Host(tmp_path / "host", entry=folder / ENTRY.name)
    try:
        if when == "loading":
            gate.wait_entered()
        else:
            host.wait_listening()
            assert host.call(b"x").body == b"x"
        processes(host)
        host.send_signal(signal.SIGKILL)
        host.ends_with(-signal.SIGKILL)
    finally:
        host.kill()


# What processors start.


def test_kill_9_of_the_host_leaves_no_process(serving: Host) -> None:
    processes(serving)
    serving.send_signal(signal.SIGKILL)
    serving.ends_with(-signal.SIGKILL)


def test_kill_9_of_the_host_while_loading_leaves_no_process(loading: Host) -> None:
    processes(loading)
    loading.send_signal(signal.SIGKILL)
    loading.ends_with(-signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_stop_while_loading_leaves_no_process(loading: Host, number: signal.Signals) -> None:
    processes(loading)
    loading.stop(number)


def test_stop_leaves_no_process(serving: Host) -> None:
    processes(serving)
    serving.stop()


def test_second_ctrl_c_leaves_no_process(serving: Host, gate: Gate) -> None:
    with serving.ask(b"gate:%s" % str(gate.folder).encode()):
        gate.wait_entered()
        processes(serving)
        begin_stop(serving)
        serving.send_signal(signal.SIGINT)
        serving.ends_with(130)


@pytest.mark.parametrize("when", ["loading", "serving"])
def test_kill_9_of_a_worker_ends_what_its_processor_started(request: pytest.FixtureRequest, when: str) -> None:
    """The processes end with the worker, not with the host."""
    host: Host = request.getfixturevalue(when)
    (worker,) = host.workers()
    others = [pid for pid in processes(host) if pid not in (host.pid, worker)]
    host.kill_worker()
    assert proc.wait_until_gone(others) == []


@each_worker
def test_killed_guardian_is_replaced_by_one_as_small(start: StartHost, language: str, kind: str) -> None:
    """The guardian is killed again and again; the next one does what it was there for."""
    host = start(language, worker=kind)
    (worker,) = host.workers()
    guardian = 0
    for _ in range(3):
        guardian = proc.guardian_of(worker, guardian)
        assert proc.holdings(guardian).anonymous < _SMALL
        os.kill(guardian, signal.SIGKILL)
        assert host.call(b"x").body == b"x"
    guardian = proc.guardian_of(worker, guardian)
    assert proc.holdings(guardian).anonymous < _SMALL
    os.kill(worker, signal.SIGSTOP)
    host.send_signal(signal.SIGKILL)
    host.ends_with(-signal.SIGKILL)
    assert proc.wait_until_gone([guardian]) == []


def test_guardian_is_not_a_child_of_the_processor(serving: Host) -> None:
    """The processor cannot wait for it, and gets no signal at its end."""
    (worker,) = serving.workers()
    before = proc.children(worker)
    guardian = proc.guardian_of(worker)
    os.kill(guardian, signal.SIGKILL)
    proc.guardian_of(worker, guardian)
    assert proc.children(worker) == before
    assert serving.call(b"x").body == b"x"


def test_processes_of_a_processor_end_though_the_guardian_was_killed(serving: Host) -> None:
    (worker,) = serving.workers()
    guardian = proc.guardian_of(worker)
    os.kill(guardian, signal.SIGKILL)
    proc.guardian_of(worker, guardian)
    processes(serving)
    os.kill(worker, signal.SIGSTOP)
    serving.send_signal(signal.SIGKILL)
    serving.ends_with(-signal.SIGKILL)


def test_kill_9_of_host_and_worker_at_once_leaves_no_process(serving: Host) -> None:
    """Neither of them can end any process any more."""
    (worker,) = serving.workers()
    processes(serving)
    os.kill(worker, signal.SIGSTOP)
    serving.send_signal(signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    serving.ends_with(-signal.SIGKILL)
