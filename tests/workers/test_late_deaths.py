"""
Workers that die when the request that did it is long answered: a thread that it has started crashes, exits or sends a
signal. Nobody can be blamed then, so nobody is: whoever runs at that moment runs again, and the host goes on, however
often it happens and however soon after a load.

The normal run is short. EAS_HOST_DEATH_ROUNDS=100 does each of these deaths so often, with one worker process and with
four.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from support import proc
from support.host import StartHost
from support.load_run import LoadRun
from support.wire import command

pytestmark = pytest.mark.torture

ROUNDS = int(os.environ.get("EAS_HOST_DEATH_ROUNDS", "0"))
FULL = ROUNDS > 0


KEEPALIVE = {"cpp": 5000, "python": 5000, "java": 30_000}
"""Milliseconds: the default, but on a busy machine a JVM alone takes so long to start."""


class Bomb(NamedTuple):
    language: str
    how: str
    milliseconds: int = 50
    processes: int = 1

    def __str__(self) -> str:
        return f"{self.language}-{self.how}-{self.milliseconds}ms-{self.processes}"


BOMBS = [
    Bomb("python", "main"),  # SIGSEGV on the main thread
    Bomb("python", "segv"),
    Bomb("python", "abort"),
    Bomb("python", "_exit:5"),
    Bomb("python", "user"),  # SIGUSR1
    Bomb("cpp", "segv", 10),
    Bomb("cpp", "exit:3", 10),
    Bomb("cpp", "_exit:3", 50),
    Bomb("cpp", "abort", 300),
    Bomb("java", "_exit:3"),  # Runtime.halt
    Bomb("java", "exit:3"),
]
FOUR = [bomb._replace(processes=4) for bomb in BOMBS]
CHOSEN = [*BOMBS, *FOUR] if FULL else [*BOMBS, FOUR[0], FOUR[6], FOUR[9]]


def test_repeated_late_deaths_with_reload_do_not_stop_the_service(start: StartHost) -> None:
    """No file has to change for the host to serve on."""
    host = start("python", reload=True)
    host.allow_log(r"exit|eas_runtime/[\w/]+\.py")
    for number in range(5):
        answer = host.call(command("later", "50:_exit:3"))
        assert answer.status == 200, answer.text
        assert proc.Watch(int(answer.body)).wait()
        assert host.call(b"%d" % number).body == b"%d" % number


QUEUED = """
import os
import threading

import allspark

service = allspark.Context().queued_service("0.0.0.0:8080")


def read():
    while True:
        data = service.read()
        service.write(str(os.getpid()).encode() if data == b"pid" else data)
        if data == b"pid":
            raise ValueError("this thread reads no more")


reader = threading.Thread(target=read)
reader.start()
reader.join()
"""


def test_program_that_ends_when_its_reader_raises_is_started_again(start: StartHost, tmp_path: Path) -> None:
    """A program that reads its requests itself has served, too, however often it ends."""
    (tmp_path / "app.py").write_text(QUEUED)
    host = start("python", entry=tmp_path / "app.py")
    host.allow_log("exit|ValueError|eas_runtime/")
    for number in range(5):
        answer = host.call(b"pid")
        assert answer.status == 200, answer.text
        assert proc.Watch(int(answer.body)).wait()
        assert host.call(b"%d" % number).body == b"%d" % number


@pytest.mark.parametrize("bomb", CHOSEN, ids=str)
def test_requests_beside_late_deaths_answer_200_in_time(start: StartHost, bomb: Bomb) -> None:
    """
    Each request on 32 connections beside the deaths is answered 200 within a request's time, though no worker lasts. So
    is the request that causes the death, unless a busy machine keeps its answer until the worker ends: it is guilty
    then.
    """
    host = start(bomb.language, worker_processes=bomb.processes, keepalive=KEEPALIVE[bomb.language])
    host.allow_log(r"SIG|exit|halt|eas_runtime/[\w/]+\.py")
    with LoadRun(host, connections=32, report=50) as load:
        load.wait_answers(50)
        for _ in range(ROUNDS or 4):
            answer = host.call(command("later", f"{bomb.milliseconds}:{bomb.how}"))
            assert answer.status in (200, 500), answer.text
            assert answer.status == 500 or proc.Watch(int(answer.body)).wait()
        load.wait_answers(50)
        summary = load.finish()
    summary.check()
    assert set(summary.statuses) == {"200"}
    assert host.call(b"next").body == b"next"
