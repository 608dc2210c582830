"""
Programs that have gevent or eventlet replace threads, locks and sockets serve as others do, in every way, with requests
that run at the same time, and end at the first signal.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host
from support.program import Program

pytestmark = pytest.mark.real_starts  # what is imported before them, eventlet looks at

WAYS = ("alone", "process", "none")
PATCHES = ("gevent", "gevent late", "grequests", "eventlet", "sockets")

NO_GREEN_DNS = {"EVENTLET_NO_GREENDNS": "yes"}
"""
`import eventlet` fails where dnspython, httpcore2 and trio are all installed, with or without a host: as it imports
dnspython it replaces the sockets under trio. Packages that other tests need bring all three.
"""


class Greenlets:
    """Starts processors/python/greenlets.py."""

    def __init__(self, builder: ProcessorBuilder, folder: Path, stack: ExitStack) -> None:
        self._entry, self._folder, self._stack = builder.python("greenlets.py"), folder, stack

    def start(self, patch: str, way: str, serve: str = "run") -> Host:
        variables = {"PATCH": patch, "SERVE": serve, "EAS_HOST_KEEPALIVE": "60000"} | NO_GREEN_DNS
        host: Host = (
            Program(self._folder, self._entry, (), variables)
            if way == "alone"
            else Host(self._folder, variables, entry=self._entry, isolation=way)
        )
        host.allow_log("EventletDeprecationWarning")
        self._stack.enter_context(host)
        host.wait_for_log("Service start successfully", "stdout")
        return host


@pytest.fixture
def greenlets(builder: ProcessorBuilder, tmp_path: Path) -> Iterator[Greenlets]:
    with ExitStack() as stack:
        yield Greenlets(builder, tmp_path / "run", stack)


def serves(host: Host, gate: Gate) -> None:
    """Three requests at the same time, and one signal while they run."""
    assert host.call(b"socket").text == "through a socket"
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(b"wait %s" % str(gate.folder).encode())) for _ in range(3)]
        gate.wait_entered(3)
        host.send_signal(signal.SIGTERM)
        host.wait_for_log("shutting down context", "stdout")
        (gate.folder / "go").touch()
        assert [client.read().status for client in asked] == [200] * 3
    host.ends_with(0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("patch", PATCHES)
def test_processor_in_a_patched_program_serves(greenlets: Greenlets, gate: Gate, patch: str, way: str) -> None:
    """The processor's code runs patched, in threads of the system."""
    host = greenlets.start(patch, way)
    if way != "none":  # greenlets of the main thread have their turns
        assert host.call(b"ticks").text == "ticks"
    elif patch in ("gevent", "eventlet", "gevent late"):
        host.wait_for_log(
            f"{patch.split(maxsplit=1)[0]} has replaced threads: with --isolation none, greenlets of the main"
        )
    serves(host, gate)
    if way == "alone":
        host.wait_for_log("^behind run$", "stdout")


@pytest.mark.parametrize("way", ["alone", "process"])
@pytest.mark.parametrize("patch", ["gevent", "eventlet", "sockets"])
def test_patched_program_that_reads_serves(greenlets: Greenlets, gate: Gate, patch: str, way: str) -> None:
    """Where the threads are greenlets they take turns, also while they wait for requests."""
    serves(greenlets.start(patch, way, "read"), gate)


@pytest.mark.every_python
@pytest.mark.parametrize("patch", ["gevent", "grequests", "eventlet"])
def test_worker_processes_of_a_patched_program_serve_and_are_reaped(
    greenlets: Greenlets, gate: Gate, patch: str
) -> None:
    """The program forks them."""
    serves(greenlets.start(patch, "alone", "processes"), gate)
