"""
A soak test: everything that may fail does so at once, in little memory, and innocent requests run beside it.

Workers are killed, requests end them at once or later, clients read nothing or stop in the middle of a body, versions
come and go, whoever reads the log stops, and at times no process can be started. Every innocent request is answered
200 with its own bytes, or 503 while the program's file is one that cannot be loaded; the front lives on, and stays
within its memory.

The normal run takes 20 seconds; EAS_HOST_SOAK_SECONDS=1200 makes it one of 20 minutes.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import soak
from support.cgroup import Group, control_group
from support.host import Host
from support.load_run import LoadRun

pytestmark = [pytest.mark.torture, pytest.mark.real_starts]

SECONDS = float(os.environ.get("EAS_HOST_SOAK_SECONDS", "20"))
MEMORY = 600 << 20
"""Bytes for the front and its workers together."""
TIMEOUT = 60_000  # milliseconds: shortages are waited out, and nobody innocent may pay for them
REFUSED_VERSION = "the old version goes on serving"

APP = """
import ctypes, os, resource, signal, threading, time
import allspark

VERSION = {version}
MAGIC = b"\\0\\xff\\0do "


def later(what):
    threading.Timer(0.05, what).start()
    return b"it comes", 200


def eat():
    held = []
    while True:
        held.append(bytearray(16 << 20))


def starve():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
    return b"starved", 200


def talk():
    for number in range(2000):
        print("line", number)
    return b"said", 200


VERBS = {{
    b"segv": lambda: ctypes.string_at(16),
    b"abort": os.abort,
    b"_exit": lambda: os._exit(1),
    b"usr1": lambda: os.kill(os.getpid(), signal.SIGUSR1),
    b"late-segv": lambda: later(lambda: ctypes.string_at(16)),
    b"late-exit": lambda: later(lambda: os._exit(1)),
    b"eat": eat,
    b"starve": starve,
    b"talk": talk,
}}


class Soaked(allspark.BaseProcessor):
    def initialize(self):
        if {broken}:
            raise ValueError("broken on purpose")

    def process(self, data):
        if not data.startswith(MAGIC):
            return f"{{VERSION}} {{VERSION}}|".encode() + data, 200
        verb, _, argument = data[len(MAGIC):].partition(b":")
        if verb == b"size":
            return b"s" * int(argument), 200
        return VERBS[verb]()
"""
POISONS = ("segv", "abort", "_exit", "usr1", "late-segv", "late-exit", "eat", "starve", "talk")


class SoakedHost(Host):
    """A host whose log passes a process that can be stopped."""

    def __init__(self, folder: Path, **options: str | int | Path | bool) -> None:
        self.reader_pid = folder / "reader.pid"
        super().__init__(folder, **options)

    def wrapped(self, command: list[str]) -> list[str]:
        # In the background of a shell that ends: it is no child of the host's, which are workers to this test.
        relay = f"exec 3<&0; (echo $BASHPID > '{self.reader_pid}'; exec cat <&3 >&2) &"
        return ["bash", "-c", f'exec "$@" 2> >({relay})', "bash", *command]


def test_innocent_requests_answer_200_whatever_fails_beside_them(tmp_path: Path) -> None:
    entry = tmp_path / "program" / "app.py"
    entry.parent.mkdir()

    def write(version: int, broken: bool) -> None:
        fresh = entry.with_suffix(".new")
        fresh.write_text(APP.format(version=version, broken=broken))
        fresh.replace(entry)

    write(1, broken=False)
    options = {"worker_processes": 2, "keepalive": TIMEOUT, "reload": True, "access_log": True}
    with control_group("memory", "pids") as group:
        group.limit_memory(MEMORY)
        with group.inside():
            started = SoakedHost(tmp_path / "host", entry=entry, processor_type="python", **options)
        soak_for(started, group, write, tmp_path / "unloadable")
        assert group.kills() > 0, "memory never ran out"


def soak_for(started: SoakedHost, group: Group, write: Callable[[int, bool], None], unloadable: Path) -> None:
    """Runs all disturbances beside the innocent requests, and looks at what has become of those."""
    with started as host:
        host.allow_log("")  # what goes wrong here is logged, and what of it is lost with a stopped reader is not known
        reader = soak.log_reader(host, host.reader_pid)
        watcher = soak.Watcher(host, (0.05, 0.2))
        poisoners = [soak.Poisoner(host, (0.2, 1.0), number, POISONS) for number in range(3)]
        disturbances = [
            watcher,
            *poisoners,
            soak.Killer(host, (0.5, 3)),
            *(soak.SlowReader(host, (0, 1), number) for number in range(8)),
            *(soak.StalledUpload(host, (0, 1), number) for number in range(8)),
            *(soak.WholeUpload(host, (0.1, 1), number) for number in range(2)),
            soak.Editor(host, (2, 6), write, unloadable),
            soak.StoppedReader(host, (2, 10), reader),
            soak.Shortage(host, (3, 10), group),
        ]
        with LoadRun(host, connections=24, plan="versions", report=500, unloadable=unloadable) as load:
            with disturbed(disturbances):
                threading.Event().wait(SECONDS)
            summary = load.finish()
        for one in disturbances:
            print(f"{one.name}: {one.rounds} rounds", one.failure or "")
        print(*(poisoner.statuses for poisoner in poisoners), sep="\n")
        print(
            f"{summary.statuses} innocent requests; front at most {watcher.memory >> 20} MiB; ping at worst",
            watcher.slowest,
        )
        summary.check()
        assert [one.failure for one in disturbances if one.failure] == []
        assert all(one.rounds for one in disturbances)
        assert watcher.memory < MEMORY / 2  # its budget is a third, and what it is made of and copies comes on top
        assert host.call(b"still here").body.endswith(b"|still here")


@contextlib.contextmanager
def disturbed(disturbances: list[soak.Disturbance]) -> Iterator[None]:
    """Starts them all, and ends them all."""
    for one in disturbances:
        one.start()
    try:
        yield
    finally:
        for one in disturbances:
            one.over.set()
        for one in disturbances:
            one.join()
