"""
Processors in C++ that end their own process: the request that did it is named at once, runs once and costs no other.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.failures import Failure, build, check_failure
from support.host import StartHost
from support.under_load import OPTIONS, bad_request, check_each_costs_itself, switchboard

FRAMES = (r"Leave.*ends_itself\.cc:\d+", r"process.*ends_itself\.cc:\d+")
KILLED = r"the processor sent SIGKILL to its own process"


def row(how: str, said: str, *options: tuple[str, str]) -> Failure:
    native = "-native" if options else ""
    return Failure(
        f"{how}{native}",
        "broken/ends_itself",
        500,
        answer=(said,),
        log=(said, *FRAMES),
        bodies=(how.encode(),),
        options=dict(options),
        flags=("-g", "-O1"),
        never=("killed from outside",),
    )


NATIVE = ("worker", "native")
ROWS = [
    row("exit", r"the processor called exit\(3\)"),
    row("_exit", r"the processor called _exit\(3\)"),
    row("_exit", r"the processor called _exit\(3\)", NATIVE),
    row("_Exit", r"the processor called _Exit\(3\)"),
    row("quick_exit", r"the processor called quick_exit\(3\)"),
    row("pointer", r"the processor called _exit\(3\)"),
    row("kill", KILLED),
    row("kill", KILLED, NATIVE),
    row("raise", KILLED),
]
ENDS = ["exit", "_exit", "_Exit", "quick_exit", "kill", "raise"]


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_end_names_its_request(builder: ProcessorBuilder, case: Failure, tmp_path: Path) -> None:
    check_failure(case, build(builder, case, "cpp"), "cpp", tmp_path)


@pytest.mark.parametrize("linking", ["-Wl,-z,now", "-Wl,-z,lazy", "-fno-plt"])
def test_end_is_seen_however_the_library_was_linked(start: StartHost, builder: ProcessorBuilder, linking: str) -> None:
    host = start(entry=builder.cpp("broken/ends_itself", linking), processor_type="cpp")
    assert host.call(b"_exit").status == 500
    host.expect_log(r"the processor called _exit\(3\)")


@pytest.mark.parametrize("how", ENDS)
def test_end_of_a_forked_child_is_no_end_of_the_worker(start: StartHost, builder: ProcessorBuilder, how: str) -> None:
    host = start(entry=builder.cpp("broken/ends_itself"), processor_type="cpp")
    before = host.call(b"who").body
    assert host.call(f"fork:{how}".encode()).body == before
    assert host.call(b"who").body == before


@pytest.mark.parametrize("how", ENDS)
def test_answer_comes_soon(start: StartHost, builder: ProcessorBuilder, how: str) -> None:
    """The time of the answer is the time of one death, not of a second process in which the request runs again."""
    host = start(entry=builder.cpp("broken/ends_itself"), processor_type="cpp")
    host.allow_log("the processor (called|sent)")
    seconds = []
    for _ in range(20):
        assert host.call(b"who").status == 200
        begin = time.monotonic()
        assert host.call(how.encode()).status == 500
        seconds.append(time.monotonic() - begin)
    assert statistics.median(seconds) < 0.1


@pytest.mark.parametrize("kind", ["python", "native"])
def test_end_costs_its_own_request_under_load(start: StartHost, builder: ProcessorBuilder, kind: str) -> None:
    libraries = {"ends": builder.cpp("broken/ends_itself", "-g", "-O1")}
    host = start("cpp", **switchboard(builder, libraries), worker=kind, **OPTIONS)
    check_each_costs_itself(host, [bad_request(case, "ends") for case in ROWS if not case.options])
