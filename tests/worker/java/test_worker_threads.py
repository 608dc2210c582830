"""
The threads that call a Java processor: what they run on, and what they do while the JVM ends.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from support import LONG
from support.build import ProcessorBuilder
from support.cgroup import control_group
from support.gate import Gate
from support.host import Host, StartHost

ENOUGH_PROCESSES = 100
"""For the host, its worker and the JVM's own threads."""
MANY_THREADS = 50
"""More than there is room for when threads of the JVM's own end, as those of its compilers do."""


def test_call_has_as_much_stack_as_in_a_native_thread(start: StartHost, builder: ProcessorBuilder) -> None:
    """Java's own default, 1 MiB, is full after some 10,000 such frames."""
    host = start("java", builder.jar("Gated"))
    assert host.call(b"deep 25000").text == "25000"


def test_no_request_is_answered_by_a_jvm_that_ends(start: StartHost, builder: ProcessorBuilder, gate: Gate) -> None:
    """Its shutdown hooks run, and what the processor needs may be gone already: the next worker answers."""
    host = start("java", builder.jar("Gated"), worker_threads=2, keepalive=LONG)
    before = host.workers()
    folder = str(gate.folder).encode()
    with host.ask(b"exit " + folder) as ends:
        (hook,) = gate.wait_entered()
        with host.ask(b"call " + folder) as called:
            while json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["queue_length"]:
                pass  # until the other thread has taken it
            gate.release(2)
            assert ends.read().status == 500
            assert called.read().text == "called"
    host.expect_log(r"System.exit\(5\)")
    (call,) = [event for event in gate.wait_entered(2) if event is not hook]
    assert [hook.pid] == before
    assert call.pid not in before


def test_thread_that_cannot_be_started_is_a_shortage(tmp_path: Path, builder: ProcessorBuilder) -> None:
    """The log says what is wanting, and the worker is replaced."""
    jar = builder.jar("Hoards")
    with control_group("pids") as group, ExitStack() as stack:
        with group.inside():
            group.limit_processes(ENOUGH_PROCESSES)
            host = stack.enter_context(Host(tmp_path, entry=jar, worker_threads=MANY_THREADS))
        host.allow_log("Failed to start|SIGKILL|cannot start its threads")
        host.wait_for_log("cannot start its threads: the system is out of memory, or of processes")
