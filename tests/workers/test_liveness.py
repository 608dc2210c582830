"""
Workers that live and take nothing: they are killed and replaced, whatever it is that keeps them, and healthy ones are
not.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from eas_host.ring.bindings import lib
from eas_runtime.ring import WorkerRing
from support import proc
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host, StartHost
from support.wire import Client, command, request

QUICK = 1000  # milliseconds


def stop_process(host: Host) -> None:
    os.kill(host.workers()[0], signal.SIGSTOP)


def stop_group(host: Host) -> None:
    os.killpg(host.workers()[0], signal.SIGSTOP)


def overwrite_record(host: Host) -> None:
    """As a processor that writes wherever it likes: the worker is to take nothing but what is given to it alone."""
    held = Path(f"/proc/{host.pid}/fd").iterdir()
    name = next(fd for fd in held if "/memfd:eas-ring" in str(fd.readlink()))
    with ExitStack() as opened:
        memory, completion = os.open(name, os.O_RDWR), os.eventfd(0)
        opened.callback(os.close, memory)
        opened.callback(os.close, completion)
        ring = WorkerRing(memory, completion, 0).pointer
        opened.callback(lib.eas_ring_unmap, ring)
        lib.eas_front_reset_worker(ring, 0, 1)


WAYS = [
    ("cpp", stop_process),
    ("java", stop_process),
    ("python", stop_process),
    ("python", stop_group),
    ("cpp", overwrite_record),
    ("python", overwrite_record),
]


@pytest.mark.parametrize(("language", "disturb"), WAYS)
def test_worker_that_takes_nothing_is_replaced(
    start: StartHost, language: str, disturb: Callable[[Host], None]
) -> None:
    """Requests that wait for it meanwhile answer 408; the log and the counters say why."""
    host = start(language, keepalive=QUICK)
    assert host.call(b"before").body == b"before"
    (worker,) = host.workers()
    host.allow_log("does not take")
    disturb(host)
    watch = proc.Watch(worker)
    late = 0
    while not watch.wait(0):  # threads that are awake may still take something
        late += host.call(b"asked").status == 408
        assert late < 5, host.new_log()
    assert late
    host.wait_for_log("does not take the requests that wait; it is killed")
    while (answer := host.call(b"next")).status != 200:
        assert answer.status in (408, 503)
    counters = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)
    assert counters["worker_deaths"] == {"unresponsive": 1}


def test_worker_whose_call_holds_the_interpreter_lock_is_replaced(start: StartHost) -> None:
    """A regular expression that never ends keeps it: no other thread takes anything, or answers it."""
    host = start("python", keepalive=QUICK)
    host.allow_log("it is killed")
    (worker,) = host.workers()
    watch = proc.Watch(worker)
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(command("die", "regex")))]
        asked += [clients.enter_context(host.ask(b"%d" % number)) for number in range(8)]
        assert asked[0].read().status == 408
        while not watch.wait(0):
            host.call(b"another")
        assert all(client.read().status in (200, 408, 503) for client in asked[1:])
    while (answer := host.call(b"next")).status != 200:
        assert answer.status in (408, 503)


@pytest.mark.parametrize("language", ["java", "python"])
def test_streams_of_slow_clients_do_not_hide_a_worker_that_takes_nothing(
    start: StartHost, builder: ProcessorBuilder, language: str
) -> None:
    """As many answers have begun as there are places, or threads, of which they keep none."""
    java = language == "java"
    entry = builder.jar("Published", "PartsSource") if java else builder.python("streams.py")
    host = start(language, entry, keepalive=QUICK, max_in_flight=2, worker_threads=2)
    host.allow_log("499|does not take")
    (worker,) = host.workers()
    watch = proc.Watch(worker)
    with ExitStack() as clients:
        for _ in range(2):
            client = clients.enter_context(Client(host.address, receive_buffer=4096))
            client.send(request(path=host.path, body=b"endless 0 100000" if java else b"endless:slow"))
            assert client.has_unread()
        for _ in range(20):
            assert host.call(b"a b" if java else b"pair:a").status in (200, 201)
        os.kill(worker, signal.SIGSTOP)
        late = 0
        while not watch.wait(0):
            late += host.call(b"pair:asked").status == 408
            assert late < 5, host.new_log()
    host.wait_for_log("does not take the requests that wait; it is killed")


def test_enough_of_several_stopped_workers_are_replaced_to_serve_again(start: StartHost) -> None:
    host = start("cpp", keepalive=QUICK, worker_processes=3)
    host.allow_log("does not take")
    watches = [proc.Watch(worker) for worker in host.workers()]
    for watch in watches:
        os.kill(watch.pid, signal.SIGSTOP)
    for watch in watches:
        proc.wait_stopped(watch.pid)
    statuses = [host.call(b"x").status]
    while statuses[-1] != 200:
        assert len(statuses) < 6, host.new_log()
        statuses.append(host.call(b"x").status)
    assert statuses[0] == 408
    assert any(watch.wait(0) for watch in watches)


def test_idle_or_slow_worker_is_not_replaced(start: StartHost, gate: Gate) -> None:
    """
    Five calls in a row take longer than a request may; the sixth thread has nothing to do meanwhile. That is no reason
    to kill the worker: no request waits.
    """
    host = start("cpp", keepalive=500, worker_threads=6)
    workers = host.workers()
    for number in range(5):
        with host.ask(gate.command(b"%d" % number)) as client:
            gate.wait_entered(number + 1)
            assert client.read().status == 408
    assert host.call(b"next").body == b"next"
    assert host.workers() == workers
    gate.release(5)


LOADS_BEHIND_A_GATE = """
import sys
sys.path.append({folder!r})
import contract

class Loads(contract.Contract):
    def initialize(self):
        super().initialize()
        contract.gate({gate!r} + b":load")
"""


def test_worker_stopped_while_loading_is_replaced(start: StartHost, builder: ProcessorBuilder, gate: Gate) -> None:
    """
    A stopped worker would load for ever. One that only takes long is left alone, for several times as long as a request
    may take.
    """
    entry = gate.folder.parent / "app.py"
    folder = str(builder.python("contract.py").parent)
    entry.write_text(LOADS_BEHIND_A_GATE.format(folder=folder, gate=str(gate.folder).encode()), encoding="utf-8")
    gate.release()
    host = start("python", entry, keepalive=500)
    host.allow_log("SIGKILL|it is killed")
    gate.wait_entered(1)
    host.kill_worker()
    gate.wait_entered(2)
    slow = gate.entries()[1].pid
    for _ in range(4):
        with host.connect() as client:
            assert client.send(request("POST", host.path, b"late")[:-1]).read().status == 408
    assert host.workers() == [slow]
    watch = proc.Watch(slow)
    os.kill(slow, signal.SIGSTOP)
    assert watch.wait()
    host.wait_for_log("it was stopped .* while it loaded; it is killed")
    gate.wait_entered(3)
    gate.release()
    while host.call(b"next").status != 200:
        assert host.workers() == [gate.entries()[2].pid]
    counters = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)
    assert counters["worker_deaths"] == {"killed": 1, "unresponsive": 1}


def test_no_worker_is_killed_after_the_front_was_stopped(start: StartHost) -> None:
    """For as long as the front did not look, no worker is to blame for what waited meanwhile."""
    host = start("cpp", keepalive=200)
    workers = host.workers()
    with ExitStack() as clients:
        os.kill(host.pid, signal.SIGSTOP)
        asked = [clients.enter_context(host.ask(b"%d" % number)) for number in range(4)]
        assert all(client.waits_for_an_answer(1.0) for client in asked[:2])
        os.kill(host.pid, signal.SIGCONT)
        for client in asked:
            assert client.read().status in (200, 408)
    assert host.call(b"next").body == b"next"
    assert host.workers() == workers
