"""
Signals to a host: which of them stop it, which it ignores, and what a second one does.
"""

from __future__ import annotations

import os
import signal

import pytest

from support import LONG, proc
from support.app import Apps, apps
from support.columns import COLUMNS, Column
from support.gate import Gate
from support.host import Host, StartHost
from support.stop import SHUTTING_DOWN, begin_stop
from support.wire import request

pytestmark = pytest.mark.real_starts

__all__ = ["apps"]

WAYS = ("alone", "hosted", "none")
UNUSED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


def answers_after(host: Host, gate: Gate, *numbers: signal.Signals) -> None:
    """*numbers* come while a request runs; it is answered, and the host ends well."""
    with host.connect() as client:
        client.send(request(body=gate.command(b"running")))
        gate.wait_entered()
        begin_stop(host, numbers[0])
        for number in numbers[1:]:
            host.send_signal(number)
            proc.wait_until_taken(host.pid)
        gate.release()
        answer = client.read()
        assert (answer.status, answer.body) == (200, b"running")
    host.ends_with(0)


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_sighup_drains_as_sigterm_does(start: StartHost, gate: Gate, column: Column) -> None:
    """The end of a terminal is a wish to stop."""
    answers_after(start(column.language, isolation=column.isolation, keepalive=LONG), gate, signal.SIGHUP)


@pytest.mark.parametrize("way", ["alone", "none"])
@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGTERM, signal.SIGTERM, signal.SIGTERM),
        (signal.SIGHUP, signal.SIGTERM),
        (signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
    ],
    ids=lambda numbers: "-".join(number.name for number in numbers),
)
def test_repeated_stop_signals_do_not_force_the_stop_of_a_program(
    apps: Apps, gate: Gate, way: str, numbers: tuple[signal.Signals, ...]
) -> None:
    """Supervisors send more than one signal and mean one stop: only Ctrl+C, pressed again, ends it at once."""
    host = apps.begin(way=way, variables={"EAS_HOST_KEEPALIVE": str(LONG)})
    host.wait_listening()
    answers_after(host, gate, *numbers)
    assert len([line for line in host.log.since(0, "stdout") if "shutting down" in line]) == 1


@pytest.mark.parametrize("column", [Column("cpp", "process"), Column("java", "none")], ids=str)
def test_repeated_stop_signals_do_not_force_the_stop_of_a_host(start: StartHost, gate: Gate, column: Column) -> None:
    host = start(column.language, isolation=column.isolation, keepalive=LONG)
    answers_after(host, gate, signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGTERM)


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_after_sigterm_forces_the_stop(apps: Apps, gate: Gate, way: str) -> None:
    """A person does not want to wait for what SIGTERM began."""
    host = apps.begin(way=way, variables={"EAS_HOST_KEEPALIVE": str(LONG)})
    host.allow_log(".")
    host.wait_listening()
    with host.ask(gate.command()):
        gate.wait_entered()
        begin_stop(host, signal.SIGTERM)
        host.send_signal(signal.SIGTERM)
        host.send_signal(signal.SIGINT)
        host.ends_with(130)


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_signals_without_a_meaning_do_not_stop_the_host(start: StartHost, column: Column) -> None:
    """SIGUSR1 to have logs opened again, SIGALRM of an old timer: the host serves on, and then ends well."""
    host = start(column.language, isolation=column.isolation)
    for number in UNUSED:
        host.send_signal(number)
        assert host.call(b"still here").body == b"still here"


def test_processor_may_handle_unused_signals_with_isolation_none(apps: Apps) -> None:
    before = "signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b'mine\\n'))"
    host = apps.start(before=before, way="none")
    host.send_signal(signal.SIGUSR1)
    host.wait_for_log("^mine$", "stdout")
    assert host.call(b"x").body == b"x"


@pytest.mark.parametrize("way", WAYS)
def test_ignored_sighup_stays_ignored(apps: Apps, way: str) -> None:
    """Who starts it with SIGHUP ignored wants it to outlive the terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        host = apps.begin(way=way)
    finally:
        signal.signal(signal.SIGHUP, before)
    host.wait_for_log("Service start successfully", "stdout")
    host.wait_listening()
    host.send_signal(signal.SIGHUP)
    for worker in host.workers():
        os.kill(worker, signal.SIGHUP)
    assert host.call(b"still here").body == b"still here"
    host.stop()


def test_sighup_to_the_process_group_drains(start: StartHost, gate: Gate) -> None:
    """A terminal that is closed sends it to its whole foreground group."""
    host = start("python", keepalive=LONG)
    with host.ask(gate.command(b"running")) as client:
        gate.wait_entered()
        os.killpg(host.pid, signal.SIGHUP)
        host.log.wait(SHUTTING_DOWN, stream="stdout")
        gate.release()
        assert client.read().body == b"running"
    host.ends_with(0)


def test_signals_without_a_meaning_while_loading_do_not_stop_the_host(apps: Apps, gate: Gate) -> None:
    before = f"class Slow(Contract):\n    def initialize(self):\n        gate(b'{gate.folder}:')"
    host = apps.begin("Slow().run()", before, way="hosted")
    gate.wait_entered()
    for number in UNUSED:
        host.send_signal(number)
    gate.release()
    host.wait_listening()
    assert host.call(b"x").body == b"x"
    host.stop()
