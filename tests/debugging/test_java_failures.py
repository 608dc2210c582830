"""
Broken processors in Java: what their authors learn.

Each is a class in tests/processors/java/broken. Those that are broken in a call are one class, `Calls`, in which the
request names the method that fails.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from support.build import SOURCES, ProcessorBuilder
from support.failures import Failure, build, check_failure
from support.host import Host, StartHost
from support.java import installed_home
from support.under_load import (
    HANG_OPTIONS,
    OPTIONS,
    bad_request,
    check_each_costs_itself,
    check_hangs_cost_themselves,
)

BROKEN = SOURCES / "java" / "broken"


def place(words: str, source: str = "Calls") -> str:
    """A pattern for the place in a class's source where *words* are."""
    text = (BROKEN / f"{source}.java").read_text(encoding="utf-8")
    return rf"{source}\.java:{text[: text.index(words)].count(chr(10)) + 1}\b"


def load(how: str, *log: str, lines: int) -> Failure:
    """A way in which `Loads` cannot be loaded."""
    return Failure(f"load-{how}", "broken.Loads", 0, log=log, lines=lines, options={"model_config": how})


LOADS = [
    load(
        "library",
        r"libabsent_kernel\.so is in no folder of java\.library\.path, which is \S+; add its folder with --jvm-options",
        place("System.loadLibrary", "Loads"),
        lines=6,
    ),
    load("exits", r"the processor called System\.exit\(7\) while loading it", place("System.exit", "Loads"), lines=2),
    load("halts", r"the processor called Runtime\.halt\(8\)", place("getRuntime().halt", "Loads"), lines=2),
]


def call(name: str, status: int, answer: str, *log: str, lines: int, **options: str | int) -> Failure:
    """A method of `Calls` that fails."""
    return Failure(
        id=re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name),
        source="broken.Calls",
        status=status,
        answer=[answer],
        log=log,
        lines=lines,
        bodies=[name.encode()],
        options=options,
    )


CALLS = [
    call("nullPointer", 400, "", place("text.trim()"), lines=3),
    call("causeChain", 400, "cannot be read", place("throw new Illegal"), place("text.trim()"), lines=7),
    call(
        "heapExhausted",
        400,
        "Java heap space",
        r"the heap may grow to 64 MiB; for twice as much: --jvm-options \"-Xmx128m\"",
        place("all.add("),
        lines=3,
        jvm_options="-Xmx64m",
    ),
    call(
        "endlessRecursion",
        400,
        "StackOverflowError",
        r"the recursion has no end",
        place('"x" + even()'),
        place('"y" + endlessRecursion()'),
        r"\.\.\. these 2 frames \d+ times more",
        lines=6,
    ),
    call(
        "missingClass",
        400,
        "broken/Dependency",
        r"class broken\.Dependency is missing; add the jar that has it with --classpath",
        place("Dependency.name()"),
        lines=8,
    ),
    call(
        "missingLibrary",
        400,
        "absent_kernel",
        r"libabsent_kernel\.so is in no folder of java\.library\.path",
        place("System.loadLibrary"),
        lines=7,
    ),
    call("exits", 500, r"called System\.exit\(3\)", place("System.exit(3)"), lines=3),
    call("halts", 500, r"called Runtime\.halt\(4\)", place("halt(4)"), lines=3),
    call("exitsInThread", 500, r"called System\.exit\(5\)", place("System.exit(5)"), lines=3),
    call("haltsInThread", 500, r"called Runtime\.halt\(6\)", place("halt(6)"), lines=3),
    call("throwsInThread", 200, "joined", r"\[ERROR\] worker 0: .* thread downloader .*NullPointer", lines=3),
    call("returnsNull", 200, "", r"\] worker 0: broken\.Calls\.Process returned null, .*: throw an exception", lines=1),
    call("crashes", 500, r"SIGSEGV .*address 0x10", r"Unsafe\.putAddress", place("putAddress(16, 1)"), lines=4),
    call("loops", 408, "", r"worker-thread-\d, for \d+\.\d s", place("count = (count"), lines=5, keepalive=300),
    # To the JVM a thread that waits for a monitor is behind the line that asks for it.
    call(
        "deadlocks",
        408,
        "",
        r"waits for java\.lang\.Object@\w+, which other-side holds in lock at " + place('return "locked"'),
        r"waits for java\.lang\.Object@\w+, which worker-thread-\d holds in lock at " + place('return "locked"'),
        r"other-side:",
        lines=12,
        keepalive=300,
    ),
]


@pytest.mark.parametrize("row", [*LOADS, *CALLS], ids=str)
def test_author_learns_what_is_wrong(row: Failure, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The cause, the line and the way out, in the answer or in the log."""
    check_failure(row, build(builder, row, "java"), "java", tmp_path)


def test_crash_in_native_code_has_its_java_frames(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """First the function in C, then the Java code that has called it."""
    include = installed_home() / "include"
    library = builder.cpp("broken/jni_score", f"-I{include}", f"-I{include / 'linux'}")
    row = Failure(
        "jni",
        "broken.Native",
        500,
        answer=["SIGSEGV"],
        log=["Java_broken_Native_score", r"at broken\.Native\.score\(Native\.java\)", place("return score", "Native")],
        lines=4,
        options={"model_entry": str(library)},
    )
    check_failure(row, build(builder, row, "java"), "java", tmp_path)


@pytest.mark.parametrize(
    ("name", "how", "where"),
    [
        ("Loads", "load hangs", f"waitForever at {place('new CountDownLatch', 'Loads')}"),
        ("Loads", "constructor hangs", f"waitForever at {place('new CountDownLatch', 'Loads')}"),
        ("StaticHangs", "", rf"the static initialiser at {place('ready = (ready', 'StaticHangs')}"),
    ],
)
def test_load_that_hangs_says_where(builder: ProcessorBuilder, tmp_path: Path, name: str, how: str, where: str) -> None:
    """Nothing is refused and nobody waits for a request yet, so only the log can tell. It does so after ten seconds."""
    host = Host(
        tmp_path, entry=builder.jar(f"broken.{name}"), processor_type="java", model_config=how, listen="127.0.0.1:0"
    )
    host.wait_for_log(rf"\[WARNING\] worker 0: still loading: in {where}, for 10 s")
    host.wait_for_log(rf"  at broken\.{name}\.")
    host.stop()


def test_sigquit_shows_all_calls_that_run_and_changes_nothing(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start("java", builder.jar("broken.Calls"), worker_threads=3)
    clients = [host.ask(b"loops"), host.ask(b"loops")]
    while "2 busy" not in host.new_log():
        host.send_signal(signal.SIGQUIT)
    host.wait_for_log(place("count = (count"), times=2)
    assert host.call(b"fine").body == b"fine"
    for client in clients:
        client.close()


def test_failure_costs_its_own_request_under_load(start: StartHost, builder: ProcessorBuilder) -> None:
    """Left out is the end of the heap, which all calls of a JVM share."""
    rows = [row for row in CALLS if row.status != 408 and "jvm_options" not in row.options]
    host = start("java", builder.jar("broken.Calls"), **OPTIONS)
    check_each_costs_itself(host, [bad_request(row) for row in rows])


def test_late_call_costs_no_other_request_under_load(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start("java", builder.jar("broken.Calls"), **HANG_OPTIONS)
    check_hangs_cost_themselves(host, [bad_request(row) for row in CALLS if row.status == 408])
