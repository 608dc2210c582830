"""
A JVM that a processor starts takes the signals that end a program; the host has them back all the same.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from eas_host.worker.java.jvm import find_jvm
from support.build import ProcessorBuilder, need
from support.gate import Gate
from support.host import Host, StartHost
from support.program import Program
from support.stop import SHUTTING_DOWN

pytestmark = pytest.mark.real_starts

WAYS = ("process", "none", "alone")
Start = Callable[..., Host]


@pytest.fixture
def start_jvm_host(builder: ProcessorBuilder, tmp_path: Path) -> Start:
    """Starts processors/python/jvm.py in one of WAYS, with its JVM from the start or not."""

    def start(stack: ExitStack, way: str, *, at_once: bool) -> Host:
        need("java")
        variables = {"JVM_IN_INITIALIZE": "1"} if at_once else {}
        entry, folder = builder.python("jvm.py"), tmp_path / "run"
        host: Host = (
            Program(folder, entry, (), variables)
            if way == "alone"
            else Host(folder, variables, entry=entry, isolation=way, keepalive=60_000)
        )
        stack.enter_context(host)
        host.wait_for_log("Service start successfully", "stdout")
        return host

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("way", WAYS)
def test_stop_signal_drains_beside_a_jvm(start_jvm_host: Start, gate: Gate, way: str, number: signal.Signals) -> None:
    """Whether the JVM has come with `initialize` or with a request; the process ends."""
    at_once = number == signal.SIGTERM
    with ExitStack() as stack:
        host = start_jvm_host(stack, way, at_once=at_once)
        assert host.call(b"java" if at_once else b"jvm").text == ("6" if at_once else "given back")
        with host.ask(b"gate %s" % str(gate.folder).encode()) as client:
            gate.wait_entered()
            host.send_signal(number)
            host.log.wait(SHUTTING_DOWN, stream="stdout")
            gate.release()
            answer = client.read()
            assert (answer.status, answer.body[:4]) == (200, b"gate")
        host.ends_with(0)
        if way == "alone":
            host.wait_for_log("^behind run$", "stdout")


def test_python_worker_with_a_jvm_ignores_stop_signals(start_jvm_host: Start) -> None:
    """Signals that reach the worker are for the host, as ever."""
    with ExitStack() as stack:
        host = start_jvm_host(stack, "process", at_once=True)
        (worker,) = host.workers()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(worker, number)
            assert host.call(b"java").text == "6"
        assert host.workers() == [worker]


@pytest.mark.parametrize("kind", ["python", "native"])
@pytest.mark.parametrize("when", ["at once", "later"])
def test_cpp_worker_with_a_jvm_ignores_stop_signals(
    start: StartHost, builder: ProcessorBuilder, kind: str, when: str
) -> None:
    """The JVM may come at any time, in each kind of worker."""
    need("javac")
    jvm = find_jvm()
    headers = jvm.parents[2] / "include"
    entry = builder.cpp("starts_jvm", f"-I{headers}", f"-I{headers / 'linux'}", "-ldl")
    host = start(entry=entry, worker=kind, model_entry=str(jvm), model_config=when)
    if when == "later":
        assert host.call(b"jvm").text == "given back"
    (worker,) = host.workers()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(worker, number)
        assert host.call(b"x").text == "x"
    assert host.workers() == [worker]
