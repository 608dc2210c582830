"""
`eas-host debug` under a pseudo-terminal: each debugger stops in the user's `process`, at the user's line, for a
processor by itself and for a description, and the answer arrives after `continue`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import run
from support.debugging import MakeProject, StartDebugger, ask, build_jar, debug, project
from support.other_python import another_python, text_of
from support.wire import request

__all__ = ["debug", "project"]


READS = """\
import allspark
queued = allspark.Context(4).queued_service()
while True:
    data = queued.read()
    breakpoint()
    queued.write(data + b"!")
"""


@dataclass(frozen=True)
class Debugger:
    """
    How a debugger is talked to.

    Attributes:
        prompt: what it prints when it waits for a command.
        stopped: what it prints before, at the *line* of *file* in `process`.
        initializing: the same in `initialize`.
        go_on: has the call come to its end.
        answer: what the processor then answers to `hello`.
        leave: ends the debugger.
    """

    prompt: str
    stopped: str
    initializing: str
    go_on: str
    answer: str
    leave: str


DEBUGGERS = {
    "cpp": Debugger(
        r"\(gdb\) ",
        r"hit Breakpoint 1, process \(.*\) at {file}:12\n12\t  void\* copy = ",
        r"hit Breakpoint 1, initialize \(.*\) at {file}:7\n7\t  \*state = 0;",
        "continue",
        "hello",
        "quit",
    ),
    "java": Debugger(
        r"worker-thread-0\[1\] |main\[1\] ",
        r"Breakpoint hit: .*, com\.example\.Echo\.Process\(\), line=15 bci=0\n15 +byte\[\] output = input\.clone\(\);",
        r"Breakpoint hit: .*, com\.example\.Echo\.Load\(\), line=11 bci=0\n11 +System\.setProperty",
        "cont",
        "hello",
        "quit",
    ),
    "python": Debugger(
        r"\(Pdb\) ",
        r"> {file}\(9\)process\(\)\n-> self\.count \+= 1",
        r"> {file}\(6\)initialize\(\)\n-> self\.count = 0",
        "continue",
        "1",
        "quit",
    ),
}
LANGUAGES = [pytest.param(language, id=language) for language in DEBUGGERS]


@pytest.mark.parametrize("language", LANGUAGES)
def test_file_stops_at_once_with_a_body(project: MakeProject, debug: StartDebugger, language: str) -> None:
    """The answer is printed, and the debugger ends with the program; gdb stays, as it does."""
    made, debugger = project(language), DEBUGGERS[language]
    terminal = debug(made.entry, "-d", "hello")
    terminal.expect(debugger.stopped.format(file=made.source))
    terminal.expect(debugger.prompt)
    terminal.type(debugger.go_on)
    terminal.expect(rf"(\n|> ){debugger.answer}\nstatus 200; {len(debugger.answer)} bytes\n")
    if language == "cpp":
        terminal.expect(r"exited normally\]\n\(gdb\) ")
        terminal.type("quit")
    assert terminal.ends() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_description_stops_when_a_request_comes(project: MakeProject, debug: StartDebugger, language: str) -> None:
    """The user's own file is shown, not its copy in the workspace. The end of the debugger is the end of all."""
    made, debugger = project(language), DEBUGGERS[language]
    terminal = debug(made.description)
    with ask(terminal, b"hello") as client:
        terminal.expect(debugger.stopped.format(file=made.source))
        terminal.expect(debugger.prompt)
        assert client.is_silent()
        terminal.type(debugger.go_on)
        assert client.read().text == debugger.answer
        client.send(request("POST", "/api/predict/echo", b"hello"))
        terminal.expect(debugger.stopped.format(file=made.source))
        terminal.expect(debugger.prompt)
        terminal.type(debugger.leave)
        assert terminal.ends() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_initialize_is_another_place_to_stop(project: MakeProject, debug: StartDebugger, language: str) -> None:
    made, debugger = project(language), DEBUGGERS[language]
    terminal = debug(made.description, "--at", "initialize", "-d", "hello")
    terminal.expect(debugger.initializing.format(file=made.source))
    terminal.expect(debugger.prompt)
    terminal.type(debugger.go_on)
    terminal.expect(rf"(\n|> ){debugger.answer}\nstatus 200")


def test_jdb_stops_in_each_form_of_process(project: MakeProject, debug: StartDebugger) -> None:
    """In that for batches, where a request comes as a batch, and in that for one request."""
    made, jdb = project("java"), DEBUGGERS["java"]
    text = made.source.read_text(encoding="utf-8")
    batches = "  public byte[][] Process(byte[][] inputs) {\n    return inputs;\n  }\n"
    made.source.write_text(text[: text.rindex("}")] + batches + "}\n", encoding="utf-8")
    build_jar(made.source, made.entry)
    stopped = r"Breakpoint hit: .*, com\.example\.Echo\.Process\(\), line={line} bci=0"
    for options, words in (((), "byte[] output = "), (("--batching", "adaptive"), "return inputs;")):
        line = made.source.read_text(encoding="utf-8").partition(words)[0].count("\n") + 1
        terminal = debug(made.entry, "-d", "hello", *options)
        terminal.expect(stopped.format(line=line))
        terminal.expect(jdb.prompt)
        terminal.type(jdb.go_on)
        terminal.expect("hello\nstatus 200")
        assert terminal.ends() == 0


def test_crash_stops_gdb_at_the_line(project: MakeProject, debug: StartDebugger) -> None:
    """Crash handlers of the host do not come first."""
    made, gdb = project("cpp"), DEBUGGERS["cpp"]
    terminal = debug(made.entry, "-d", "null")
    terminal.expect(gdb.prompt)
    terminal.type(gdb.go_on)
    terminal.expect(rf"received signal SIGSEGV.*\n.* process \(.*\) at {made.source}:13\n13\t  if \(size == 4\)")


def test_sanitizer_stops_gdb_where_it_finds_an_error(builder: ProcessorBuilder, debug: StartDebugger) -> None:
    """Nothing is preloaded by hand: the host's own process has the runtime, and gdb has not."""
    gdb = DEBUGGERS["cpp"]
    terminal = debug(builder.cpp("broken/sanitized", "-fsanitize=address"), "-d", "overflow")
    terminal.expect(gdb.prompt)
    terminal.type(gdb.go_on)
    terminal.expect("AddressSanitizer: heap-buffer-overflow")
    terminal.expect("received signal SIGABRT")
    terminal.expect(gdb.prompt)
    terminal.type("backtrace")
    terminal.expect(r"in score \(index=10\)")


def test_wrong_output_is_explained_under_gdb(builder: ProcessorBuilder, debug: StartDebugger) -> None:
    """By the records of --check-memory, which only know where a block was freed."""
    gdb = DEBUGGERS["cpp"]
    terminal = debug(builder.cpp("broken/outputs"), "-d", "string")
    terminal.expect(gdb.prompt)
    terminal.type(gdb.go_on)
    terminal.expect(r"was freed before process returned.*\n.*freed at ")


def test_ctrl_c_stops_a_python_call_that_does_not_end(project: MakeProject, debug: StartDebugger) -> None:
    """The call goes on from there."""
    made, pdb = project("python"), DEBUGGERS["python"]
    terminal = debug(made.entry, "-d", "loop")
    terminal.expect(pdb.prompt)
    terminal.type("until 11")
    terminal.expect(rf"> {made.source}\(11\)process")
    terminal.expect(pdb.prompt)
    terminal.type("continue")
    terminal.expect("a thousand turns\n")
    terminal.press_ctrl_c()
    terminal.expect(rf"Program interrupted.\n> {made.source}\(1[0-3]\)process")
    terminal.expect(pdb.prompt)
    terminal.type("data = b'x'")
    terminal.expect(pdb.prompt)
    terminal.type("continue")
    terminal.expect("\n6\nstatus 200")
    assert terminal.ends() == 0


def test_exception_stops_pdb_where_it_was_raised(project: MakeProject, debug: StartDebugger) -> None:
    made, pdb = project("python"), DEBUGGERS["python"]
    terminal = debug(made.entry, "-d", "")
    terminal.expect(pdb.prompt)
    terminal.type("continue")
    terminal.expect("ZeroDivisionError: .*\nStopped where this was raised")
    terminal.expect(rf"> {made.source}\(14\)process\(\)\n-> return")
    terminal.expect(pdb.prompt)
    terminal.type("continue")
    terminal.expect("status 400")
    assert terminal.ends() == 0


def test_breakpoint_function_stops_in_the_same_debugger(project: MakeProject, debug: StartDebugger) -> None:
    """It may be quit there, which ends everything."""
    made, pdb = project("python"), DEBUGGERS["python"]
    text = made.source.read_text(encoding="utf-8")
    made.source.write_text(text.replace("        return b", "        breakpoint()\n        return b"), encoding="utf-8")
    terminal = debug(made.entry, "-d", "hello")
    terminal.expect(pdb.prompt)
    terminal.type("continue")
    terminal.expect(rf"> {made.source}\(15\)process\(\)\n-> return")
    terminal.expect(pdb.prompt)
    terminal.type("quit")
    assert terminal.ends() == 0


def test_breakpoint_set_in_initialize_holds_in_process(project: MakeProject, debug: StartDebugger) -> None:
    """They run in different threads."""
    made, pdb = project("python"), DEBUGGERS["python"]
    terminal = debug(made.entry, "--at", "initialize", "-d", "hello")
    for line in ("break 14", "continue"):
        terminal.expect(pdb.prompt)
        terminal.type(line)
    terminal.expect(rf"> {made.source}\(14\)process")


def test_pdb_stops_in_a_batch(project: MakeProject, debug: StartDebugger) -> None:
    """In batch_process, too, and when it is left there, nothing runs again."""
    made, pdb = project("python"), DEBUGGERS["python"]
    method = "    def batch_process(self, batch):\n        return [self.process(data) for data in batch]\n"
    text = made.source.read_text(encoding="utf-8")
    made.source.write_text(text.replace("\n\nif __name__", f"\n{method}\n\nif __name__"), encoding="utf-8")
    terminal = debug(made.entry, "--batching", "adaptive", "-d", "hello")
    terminal.expect(rf"> {made.source}\(\d+\)batch_process\(\)\n-> return \[self.process")
    terminal.expect(pdb.prompt)
    terminal.type("break 14")
    terminal.expect(pdb.prompt)
    terminal.type("continue")
    terminal.expect(rf"> {made.source}\(14\)process")
    terminal.expect(pdb.prompt)
    terminal.type("quit")
    assert terminal.ends() == 0
    assert "Stopped where" not in terminal.text


def test_pdb_runs_on_the_python_of_the_processor(project: MakeProject, debug: StartDebugger) -> None:
    made, pdb = project("python"), DEBUGGERS["python"]
    python, facts = another_python()
    terminal = debug(made.entry, "--python", python, "-d", "hello")
    terminal.expect(pdb.stopped.format(file=made.source))
    terminal.expect(pdb.prompt)
    terminal.type("import sys; sys.version_info[:2]")
    terminal.expect(re.escape(f"({text_of(facts).replace('.', ', ')})"))
    terminal.expect(pdb.prompt)
    terminal.type("quit")
    assert terminal.ends() == 0


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("cpp", "gdb is not installed: apt-get install gdb"),
        ("java", "jdb is not installed: apt-get install default-jdk-headless"),
    ],
)
def test_missing_debugger_is_named_with_its_package(
    project: MakeProject, tmp_path: Path, language: str, said: str
) -> None:
    variables = {"PATH": str(tmp_path), "JAVA_HOME": ""}
    run("debug", project(language).entry, variables=variables).fails_in_one_line(2, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "load"], "--at: 'load': expected process or initialize"),
        (["--isolation", "none"], "--isolation: where the processor runs depends on its debugger; drop it"),
        (["--vscode", "--no-debugger"], "not allowed with argument"),
        (["--vscode", "-d", "x"], "--vscode: --at, -d and --data-binary are for a debugger in this terminal; drop"),
        (["-d", "@absent"], "absent: No such file or directory"),
        (["--sandbox"], "--sandbox: no debugger reaches into such a worker; drop it"),
    ],
)
def test_wrong_argument_is_named_in_one_line(project: MakeProject, words: list[str], said: str) -> None:
    run("debug", project("python").entry, *words).fails_in_one_line(2, said)


def test_processor_with_a_process_of_its_own_is_refused(project: MakeProject) -> None:
    """gdb would run the host, in which such a processor does not work."""
    entry = project("cpp").entry
    run("debug", entry, "--worker", "native").fails_in_one_line(2, str(entry), "for `gdb -p`")


def test_program_that_reads_its_requests_itself_is_told_where_it_can_stop(
    project: MakeProject, debug: StartDebugger
) -> None:
    made = project("python")
    made.source.write_text(READS, encoding="utf-8")
    terminal = debug(made.entry, "-d", "hello")
    terminal.expect_all(
        "reads its requests itself: the debugger stops where it calls breakpoint",
        rf"> {made.source}\(6\)<module>\(\)\n-> queued.write",
        DEBUGGERS["python"].prompt,
    )
    terminal.type("continue")
    terminal.expect("hello!\nstatus 200")
    assert terminal.ends() == 0


STEPS = """\
import asyncio
import allspark


class Steps(allspark.BaseProcessor):
    def initialize(self):
        pass

    {head} process(self, data):
        first = data
        {middle}
        {last}
"""
KINDS = {
    "generator": ("def", "yield first", "yield b'!'"),
    "coroutine": ("async def", "await asyncio.sleep(0)", "return first + b'!', 200"),
    "async-generator": ("async def", "yield first", "yield b'!'"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pdb_steps_through_generators_and_coroutines(tmp_path: Path, debug: StartDebugger, kind: str) -> None:
    """Their code runs in steps, after the call that made them has returned."""
    head, middle, last = KINDS[kind]
    entry = tmp_path / "steps.py"
    entry.write_text(STEPS.format(head=head, middle=middle, last=last), encoding="utf-8")
    terminal = debug(entry, "-d", "hello")
    for line, text in ((10, "first = data"), (11, middle), (12, last)):
        terminal.expect(rf"> {entry}\({line}\)process\(\)\n-> {re.escape(text)}")
        terminal.expect(r"\(Pdb\) ")
        terminal.type("next" if text != last else "continue")
    terminal.expect(r"hello!\nstatus 200; 6 bytes\n")
    assert terminal.ends() == 0
