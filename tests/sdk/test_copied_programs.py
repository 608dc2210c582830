"""
Programs that run from a copy in a workspace: traces, breakpoints and messages name the file that the user edits.

Files of a program are written here, so that their lines are known.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import processor_python
from support.host import Host
from support.service import Services, describe, services

__all__ = ["services"]

APP = """
import allspark
from inner import part


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return part.answer(data.decode(), __file__), 200
"""
PART = """
import bdb
import json
import threading


class Breaks(bdb.Bdb):
    stopped = None

    def user_line(self, frame):
        if self.break_here(frame):
            self.stopped = frame.f_code.co_filename, frame.f_lineno


def answer(verb, program):
    if verb == "place":
        return json.dumps([program, __file__])
    if verb.startswith("break"):
        debugger = Breaks()
        file, line = verb[6:].rsplit(":", 1)
        complaint = debugger.set_break(file, int(line))
        debugger.runcall(stop_here)
        return json.dumps([complaint, debugger.stopped])
    raise ValueError("never heard of " + verb)


def stop_here():
    there = threading.get_ident()
    return there
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder of a program with a module in a package."""
    (tmp_path / "code" / "inner").mkdir(parents=True)
    (tmp_path / "code" / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "code" / "inner" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "code" / "inner" / "part.py").write_text(PART, encoding="utf-8")
    return tmp_path / "code"


def place(program: Path, file: str, words: str) -> tuple[str, int]:
    """The path of *file*, and the line in it that has *words*."""
    text = (program / file).read_text(encoding="utf-8")
    return str(program / file), text[: text.index(words)].count("\n") + 1


def serve(services: Services, program: Path, entry: str = "app.py", command: str = "test", *words: str) -> Host:
    """Serves *program* from a copy."""
    description = describe(program.parent, name="copied", processor_path="code", processor_entry=entry)
    return services.start(description, *words, command=command, python=processor_python.current.path)


def raise_error(host: Host, program: Path) -> str:
    """Has the program raise an error; the log about it, which is returned, must have the user's files alone."""
    places = place(program, "app.py", "return part"), place(program, "inner/part.py", "raise ValueError")
    host.mark()
    assert host.call(b"sing").status == 400
    host.expect_log("ValueError: never heard of sing")
    host.stop()
    log = host.new_log()
    assert "workspaces" not in log
    for path, line in places:
        assert f'File "{path}", line {line}, in ' in log, log
    return log


@pytest.mark.parametrize(
    ("entry", "command", "words"),
    [("app.py", "test", ()), ("app.py:Mine", "test", ()), ("app.py", "serve", ()), ("app.py", "serve", ("--reload",))],
    ids=["test", "imported", "serve", "reload"],
)
def test_trace_names_the_file_that_the_user_edits(
    services: Services, program: Path, entry: str, command: str, words: tuple[str, ...]
) -> None:
    """Whether the program is the main module or is imported, and with each command."""
    host = serve(services, program, entry, command, *words)
    assert 'raise ValueError("never heard of " + verb)' in raise_error(host, program)


def test_code_that_was_compiled_before_names_that_file_too(services: Services, program: Path) -> None:
    """The second worker finds the files that the first has compiled."""
    host = serve(services, program)
    host.call(b"place")
    host.allow_log("SIGKILL")
    host.kill_worker()
    raise_error(host, program)


def test_trace_has_the_lines_that_run(services: Services, program: Path) -> None:
    """The user goes on editing; without --reload the old code goes on serving."""
    host = serve(services, program)
    path = program / "inner" / "part.py"
    path.write_text(path.read_text(encoding="utf-8").replace("never heard of", "what is"), encoding="utf-8")
    assert 'raise ValueError("never heard of " + verb)' in raise_error(host, program)


def test_file_of_a_module_is_the_copy(services: Services, program: Path) -> None:
    """As in EAS, `../../model` from there is the model."""
    main, part = json.loads(serve(services, program).call(b"place").body)
    assert Path(main).relative_to(services.cache).parts[-2:] == ("code", "app.py")
    assert Path(part).relative_to(services.cache).parts[-3:] == ("code", "inner", "part.py")


def test_breakpoint_in_the_users_file_stops(services: Services, program: Path) -> None:
    """A debugger compares the file of a breakpoint with the one that code names."""
    path, line = place(program, "inner/part.py", "return there")
    answer = serve(services, program).call(f"break {path}:{line}".encode())
    assert json.loads(answer.body) == [None, [path, line]]


def test_breakpoint_in_the_copy_stops_in_the_users_file(services: Services, program: Path) -> None:
    """pdb finds `part.py` on `sys.path`, and that is the copy."""
    if processor_python.current.path is not None:
        pytest.skip(processor_python.LEFT_OUT)
    host = serve(services, program, "app.py", "test", "--isolation", "none")
    _, copy = json.loads(host.call(b"place").body)
    path, line = place(program, "inner/part.py", "return there")
    answer = host.call(f"break {copy}:{line}".encode())
    assert json.loads(answer.body) == [None, [path, line]]


@pytest.mark.parametrize("broken", ["app.py", "inner/part.py"])
def test_syntax_error_names_the_file_that_the_user_edits(services: Services, program: Path, broken: str) -> None:
    """In the program's file and in one that it imports."""
    with (program / broken).open("a", encoding="utf-8") as file:
        file.write("def broken(:\n")
    line = len((program / broken).read_text(encoding="utf-8").splitlines())
    description = describe(program.parent, name="copied", processor_path="code", processor_entry="app.py")
    ended = services.run("test", description)
    ended.fails_with(3, f"{program}/{broken}:{line}: SyntaxError")
    assert "workspaces" not in ended.stderr


def test_other_messages_name_it_too(services: Services, program: Path) -> None:
    """A message about the whole file, too."""
    (program / "app.py").write_text("import allspark\n", encoding="utf-8")
    description = describe(program.parent, name="copied", processor_path="code", processor_entry="app.py")
    services.run("test", description).fails_in_one_line(3, f"{program}/app.py: there is no subclass")
