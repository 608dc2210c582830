"""
Where a processor in C++ is that takes long: in a call, and while it loads.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.host import Host, StartHost
from support.under_load import HANG_OPTIONS, BadRequest, check_hangs_cost_themselves, switchboard

KINDS = ("python", "native")
"""Of workers."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("how", "place"), [("spin", r"turn.* \(.*stuck\.cc:\d+\)"), ("wait", r"wait_long \(.*stuck\.cc:\d+\)")]
)
def test_late_call_has_its_stack_in_the_log(
    start: StartHost, builder: ProcessorBuilder, kind: str, how: str, place: str
) -> None:
    """The stack is that of the very thread, from the innermost function of the processor to `process`."""
    host = start(entry=builder.cpp("broken/stuck"), worker=kind, keepalive=300)
    assert host.call(how.encode()).status == 408
    host.wait_for_log(r"where the busy worker threads? (is|are) \(408: ")
    host.wait_for_log(rf"^ +at {place}$")
    host.wait_for_log(r"^ +at process \(.*stuck\.cc:\d+\)$")


def test_sigquit_logs_the_stacks_of_all_calls_and_changes_nothing(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start(entry=builder.cpp("broken/stuck"), worker_threads=3)
    with host.ask(b"until-told") as first, host.ask(b"until-told") as second:
        host.wait_for_log("in until_told", times=2)
        host.send_signal(signal.SIGQUIT)
        host.wait_for_log(r"^ +at until_told \(.*stuck\.cc:\d+\)$", times=2)
        assert len(re.findall(r"worker-thread-\d:", host.new_log())) == 2
        assert host.call(b"tell").status == 200
        assert [first.read().status, second.read().status] == [200, 200]


@pytest.mark.parametrize("kind", KINDS)
def test_slow_load_has_its_stack_in_the_log(builder: ProcessorBuilder, tmp_path: Path, kind: str) -> None:
    """After ten seconds; the load goes on."""
    host = Host(tmp_path, entry=builder.cpp("broken/stuck"), worker=kind, model_config="load slowly")
    host.log.wait("still loading, for 10 s")
    host.log.wait(r"^ +at initialize \(.*stuck\.cc:\d+\)$")
    host.kill()


def test_late_call_costs_no_other_request_under_load(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start("cpp", **switchboard(builder, {"stuck": builder.cpp("broken/stuck")}), **HANG_OPTIONS)
    check_hangs_cost_themselves(host, [BadRequest(how, f"stuck:{how}".encode(), 408) for how in ("spin", "wait")])
