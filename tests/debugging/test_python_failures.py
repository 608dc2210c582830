"""
Broken processors in Python: what their authors learn.

Each is a file in tests/processors/python/broken. Those that are broken in a call are one file, `calls.py`, in which the
request names the method that fails.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from support import processor_python
from support.build import SOURCES, ProcessorBuilder
from support.failures import Failure, build, check_failure
from support.host import Host, StartHost, Value
from support.under_load import (
    HANG_OPTIONS,
    OPTIONS,
    bad_request,
    check_each_costs_itself,
    check_hangs_cost_themselves,
)

BROKEN = SOURCES / "python" / "broken"
TRACE = 12
"""How many lines an error with a trace may have, Python's marks below the lines included."""


def line(source: str, words: str) -> str:
    """A pattern for the place in the file *source* where *words* are."""
    text = (SOURCES / "python" / source).read_text(encoding="utf-8")
    return rf"{source}:{text[: text.index(words)].count(chr(10)) + 1}\b"


def load(source: str, words: str, *log: str, lines: int = 1) -> Failure:
    """A processor that cannot be loaded, for what the line with *words* says; the log must have *log*."""
    path = f"broken/{source}.py"
    return Failure(source.replace("_", "-"), path, 0, log=[line(path, words), *log], lines=lines)


LOADS = [
    load("base_class_typo", "class Mine", "no attribute 'BaseProcesor'. Did you mean: 'BaseProcessor'", lines=6),
    load("import_typo", "from allspark", "cannot import name .*Did you mean: 'BaseProcessor'", lines=5),
    load("undefined_name", "= threshold", "NameError: .*'threshold'.*Did you mean: 'threshhold'", lines=6),
    load("import_missing", "import torhc", "no module named 'torhc'; install it into .* or put it beside", lines=5),
    load("indentation", "  return result", "IndentationError", lines=5),
    load("no_initialize", "class Mine", "has no initialize: did you mean initialise in line 5"),
    load(
        "constructor_arguments", "def __init__", r"Mine\(path\) is constructed without arguments: give each a default"
    ),
    load("initialize_arguments", "def initialize", r"initialize\(self, path\) is called without arguments: write"),
    load("exits_in_initialize", "sys.exit", r"raised SystemExit: 3; a processor must not end its process", lines=8),
    Failure("no-subclass", "no_subclass.py", 0, log=[r"no_subclass\.py: there is no subclass of .*write one"], lines=1),
    Failure("two-subclasses", "two_subclasses.py", 0, log=["First, Second; choose one with --entry .*:NAME"], lines=1),
    Failure("syntax", "syntax_error.py", 0, log=[r"syntax_error\.py:3: SyntaxError"], lines=5),
    Failure(
        "initialize-raises", "initialize_raises.py", 0, log=[r"initialize_raises\.py:\d+: .*RuntimeError"], lines=9
    ),
    load("json_error", "json.loads", r"initialize\(\) raised JSONDecodeError: .*line 1 column 19", lines=6),
]


def call(name: str, status: int, answer: str, *log: str, words: str = "", lines: int = TRACE) -> Failure:
    """A method of calls.py that fails; a trace in the log has the line with *words*."""
    text = (BROKEN / "calls.py").read_text(encoding="utf-8")
    trace = [rf'calls\.py", line {text[: text.index(words)].count(chr(10)) + 1}, in '] if words else []
    options = {"keepalive": 300} if status == HTTPStatus.REQUEST_TIMEOUT else {}
    return Failure(
        id=name.replace("_", "-"),
        source="broken/calls.py",
        status=status,
        answer=[answer],
        log=[*log, *trace],
        lines=lines,
        bodies=[name.encode()],
        options=options,
    )


CALLS = [
    call("bare", 400, r"returned bytes; expected \(bytes, int\)", "returned bytes; expected", lines=1),
    call("swapped", 400, r"returned \(int, bytes\); expected", r"\(int, bytes\); expected", lines=1),
    call("nothing", 400, "returned NoneType; expected", "NoneType; expected", lines=1),
    call("three", 400, r"returned \(bytes, int, dict\); expected", "expected", lines=1),
    call("text_status", 400, r"returned \(bytes, str\); expected", "expected", lines=1),
    call("typo", 400, "no attribute 'pre_proccess'", "Did you mean: 'pre_process'", words="mine.pre_proccess()"),
    call("json", 400, "Expecting property name", "JSONDecodeError", words='json.loads("{]")'),
    call("unpicklable", 400, "cannot pickle|can't pickle", "TypeError", words="pickle.dumps"),
    call("recursion", 400, "maximum recursion depth", "RecursionError", words="return self.recursion()", lines=20),
    call("chained", 400, "no model", "KeyError: 'weight'", words="raise ValueError", lines=16),
    call("unprintable", 400, "can't decode byte 0xff", "UnicodeDecodeError", words='b"\\xff".decode()'),
    call("sys_exit", 400, "SystemExit: 3; a processor must not end its process", "SystemExit: 3", words="sys.exit(3)"),
    *(
        call(name, 408, "", r"where the busy worker thread is", words=words, lines=9)
        for name, words in (
            ("loop", "while True"),
            ("sleep", "time.sleep(600)"),
            ("wait", "self.lock.acquire()\n\n    def s"),
        )
    ),
    call("trace", 400, r"breakpoint\(\) needs a terminal", "eas-host debug", words="getattr(self", lines=16),
]


def method(source: str, answer: str, words: str, *log: str, lines: int = 2) -> Failure:
    """
    A processor whose `process` cannot be called: a warning when it is loaded and an error at each call name the line
    with *words*, and so does the answer.
    """
    path = f"broken/{source}.py"
    place = line(path, words)
    name = source.replace("_", "-")
    return Failure(name, path, 400, [answer, place.partition("/")[2]], [rf"\[WARNING\].*{place}", place, *log], lines)


METHODS = [
    method("no_process", "process not implemented", "class Mine", r"has no process: write def process\(self, data\)"),
    method("process_typo", "process not implemented", "class Mine", "did you mean proccess in line 8"),
    method("process_arguments", "missing 1 required positional argument", "def process", "write def process"),
    method("process_without_data", "takes 1 positional argument but 2 were given", "def process", "write def process"),
]
OTHERS = [
    Failure(
        id="unawaited",
        source="broken/unawaited.py",
        status=400,
        answer=["process returned coroutine", "only an `async def process` is awaited"],
        log=["process returned coroutine"],
    ),
    Failure(
        id="post-process-arguments",
        source="broken/post_process_arguments.py",
        status=400,
        answer=["takes 2 positional arguments but 3 were given"],
        log=[
            r"post_process\(self, scores\) is defined at .*broken/post_process_arguments\.py:8",
            r'post_process_arguments\.py", line 12, in process',
        ],
        lines=6,
    ),
]


AT_LOAD_LINE = line("broken/attribute_typo.py", "self.pre_proccess")
AT_LOAD = Failure(
    id="attribute-typo",
    source="broken/attribute_typo.py",
    status=200,
    answer=["xx"],
    log=[
        rf"\[WARNING\] .*{AT_LOAD_LINE}: self\.pre_proccess is defined nowhere; did you mean self\.pre_process\?",
        rf"{line('broken/attribute_typo.py', 'return None')}: process returns None; return \(data, status\)",
    ],
    lines=2,
)
"""Calls that are rare fail; the log says so before the first one. Attributes that are there are not named."""


DEATHS = [
    Failure(
        id="os-exit",
        source="broken/calls.py",
        status=500,
        answer=[r"called os\._exit\(3\)", line("broken/calls.py", "os._exit(3)")],
        log=[r"called os\._exit\(3\) while it ran POST", line("broken/calls.py", "os._exit(3)")],
        lines=3,
        bodies=[b"os_exit"],
    ),
    Failure(
        id="native-crash",
        source="broken/calls.py",
        status=500,
        answer=[
            r"died of SIGSEGV .*NULL pointer dereference \(address 0x8\)",
            line("broken/calls.py", "ctypes.string_at"),
        ],
        log=[
            r"died of SIGSEGV .* while it ran POST.*NULL pointer dereference \(address 0x8\)",
            line("broken/calls.py", "ctypes.string_at"),
        ],
        lines=5,
        bodies=[b"crash"],
    ),
    load(
        "crashes_in_initialize",
        "ctypes.string_at",
        r"died of SIGSEGV .* while loading it: NULL pointer .*0x8\b",
        lines=4,
    ),
]


@pytest.mark.parametrize("row", [*LOADS, *CALLS, *METHODS, *OTHERS, AT_LOAD, *DEATHS], ids=str)
def test_author_of_a_broken_processor_learns_why(builder: ProcessorBuilder, tmp_path: Path, row: Failure) -> None:
    """Each line of the log that must be there names the cause, or the place in the author's file."""
    check_failure(row, build(builder, row, "python"), "python", tmp_path)


def test_breakpoint_says_how_to_get_a_terminal(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """And nothing of a debugger's is in the log."""
    text = r"breakpoint\(\) needs a terminal, and a worker process has none: .*eas-host debug"
    said = f"RuntimeError: {text}"
    if processor_python.release() < (3, 7):  # which has no breakpoint()
        text, said = "name 'breakpoint' is not defined", "NameError"
    row = call("stop", 400, text, said, words="breakpoint()")
    check_failure(row, build(builder, row, "python"), "python", tmp_path)


def test_file_that_python_would_not_run_is_refused(tmp_path: Path) -> None:
    """Python takes a file in Latin-1 for UTF-8, and refuses to run it, though not to import it."""
    source = (BROKEN / "latin1.txt").read_text(encoding="utf-8")
    entry = tmp_path / "latin1.py"
    entry.write_bytes(source.encode("latin-1"))
    row = Failure("latin-1", "", 0, log=[rf"{entry}:6: byte 0xe8 is not UTF-8 \('è' in Latin-1\).*save it as"], lines=1)
    check_failure(row, entry, "python", tmp_path)
    entry.write_bytes(b"# coding: latin-1\n" + source.encode("latin-1"))
    check_failure(replace(row, status=200, log=[], lines=0), entry, "python", tmp_path / "declared")


def test_load_that_hangs_is_reported_with_its_place(tmp_path: Path) -> None:
    """The first time after ten seconds."""
    host = Host(tmp_path, entry=BROKEN / "hangs_in_initialize.py")
    host.wait_for_log(
        rf"still loading: in initialize at .*{line('broken/hangs_in_initialize.py', 'ready.wait()')}, for 10 s"
    )
    host.wait_for_log(r'hangs_in_initialize\.py", line 9, in initialize')
    host.stop()


def test_exit_of_a_jvm_in_the_process_is_told_from_the_programs_own(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Its exit code tells the signal, if it was one. JPype is in the Python of the tests."""
    answer = r"the JVM in the worker process called exit\(143\), as it does on SIGTERM"
    options: dict[str, Value] = {"python": sys.executable, "no_retry": True}  # the JVM ends it on a thread of its own
    row = Failure("jvm-exit", "broken/jvm_exits.py", 500, [answer], [answer], lines=16, options=options)
    check_failure(row, build(builder, row, "python"), "python", tmp_path)


def test_failure_costs_its_own_request_under_load(start: StartHost) -> None:
    rows = [row for row in (*CALLS, *DEATHS) if row.status not in (0, HTTPStatus.REQUEST_TIMEOUT)]
    host = start("python", BROKEN / "calls.py", **OPTIONS)
    check_each_costs_itself(host, [bad_request(row) for row in rows])


def test_late_call_costs_no_other_request_under_load(start: StartHost) -> None:
    host = start("python", BROKEN / "calls.py", **HANG_OPTIONS)
    check_hangs_cost_themselves(host, [bad_request(row) for row in CALLS if row.status == HTTPStatus.REQUEST_TIMEOUT])
