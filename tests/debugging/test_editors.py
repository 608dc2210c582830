"""
`eas-host debug --vscode`: the files that it writes are what debuggers need. Each is used as an editor uses it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.build import need
from support.command import run
from support.debug_adapter import DebugAdapter
from support.debugging import MakeProject, Project, ask, project
from support.host import LISTENING
from support.terminal import Terminal

__all__ = ["project"]

TARGETS = ["file", "description"]


def written(made: Project, target: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first configuration, and the tasks, that are written for the *target* in the project's folder."""
    folder = made.description.parent
    ended = run("debug", made.entry.name if target == "file" else "service.json", "--vscode", cwd=folder)
    assert ended.code == 0, ended.stderr
    return configurations(folder)[0], read(folder / ".vscode" / "tasks.json")["tasks"]


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def configurations(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(folder / ".vscode" / "launch.json")["configurations"]
    return found


def filled_in(value: Any, folder: Path) -> Any:  # noqa: ANN401  JSON
    """*value* with the variables of the editor replaced."""
    text = json.dumps(value).replace("${workspaceFolder}", str(folder))
    return json.loads(text.replace("${input:easHostBody}", "hi!"))


@pytest.mark.parametrize("target", TARGETS)
def test_debugpy_stops_at_a_breakpoint_in_process(project: MakeProject, tmp_path: Path, target: str) -> None:
    """In the user's own file, also where a copy of it runs; the answer arrives after `continue`."""
    made = project("python")
    launch = filled_in(written(made, target)[0], made.source.parent)
    assert (launch["type"], launch["subProcess"]) == ("debugpy", False)
    with ExitStack() as running:
        terminals: list[Terminal] = []

        def run_in_terminal(command: Sequence[str], folder: str, variables: Mapping[str, str]) -> int:
            terminals.append(running.enter_context(Terminal(tmp_path, command, Path(folder), variables)))
            return terminals[0].process.pid

        command = [sys.executable, "-m", "debugpy.adapter"]
        adapter = running.enter_context(DebugAdapter(command, run_in_terminal))
        adapter.ask("initialize", adapterID="debugpy", supportsRunInTerminalRequest=True, pathFormat="path")
        launched = adapter.send("launch", **launch)
        adapter.event("initialized")
        place = {"path": str(made.source)}
        (point,) = adapter.ask("setBreakpoints", source=place, breakpoints=[{"line": 10}])["breakpoints"]
        assert (point["verified"], point["line"]) == (True, 10)
        adapter.ask("configurationDone")
        adapter.response(launched)
        with ask(terminals[0], b"hello") as client:
            thread = adapter.event("stopped")["threadId"]
            (frame, *_) = adapter.ask("stackTrace", threadId=thread)["stackFrames"]
            assert (frame["name"], frame["source"]["path"], frame["line"]) == ("process", str(made.source), 10)
            assert client.is_silent()
            adapter.ask("continue", threadId=thread)
            assert client.read().text == "1"
        terminals[0].press_ctrl_c()
        adapter.event("terminated")
        assert terminals[0].ends() == 0


@pytest.mark.parametrize("flags", [[], ["-fsanitize=address"]], ids=["plain", "sanitizer"])
@pytest.mark.parametrize("target", TARGETS)
def test_gdb_runs_what_is_written_for_cpptools(
    project: MakeProject, tmp_path: Path, target: str, flags: list[str]
) -> None:
    """
    cpptools itself is a part of VS Code; it sets a breakpoint by file and line, which is pending at first. For a
    sanitizer the host becomes another process, which gdb follows.
    """
    made = project("cpp", *flags)
    launch = filled_in(written(made, target)[0], made.source.parent)
    assert (launch["type"], launch["MIMode"]) == ("cppdbg", "gdb")
    setup = [setup["text"] for setup in launch["setupCommands"] if not setup["text"].startswith("-")]
    lines = [*setup, "set breakpoint pending on", f"break {made.source}:13", "run"]
    command = [need("gdb"), "-q", *(word for line in lines for word in ("-ex", line)), "--args", launch["program"]]
    command += launch["args"]
    with Terminal(tmp_path, command, Path(launch["cwd"])) as terminal, ask(terminal, b"hello") as client:
        terminal.expect(rf"hit Breakpoint 1, process \(.*\) at {made.source}:13\n13\t")
        terminal.expect(r"\(gdb\) ")
        terminal.type("continue")
        assert client.read().text == "hello"


@pytest.mark.parametrize("target", TARGETS)
def test_java_is_attached_to_where_a_task_waits(project: MakeProject, tmp_path: Path, target: str) -> None:
    """jdb speaks the protocol that the editor's debugger speaks."""
    made = project("java")
    launch, tasks = written(made, target)
    (task,) = [filled_in(task, made.description.parent) for task in tasks if task["label"] == launch["preLaunchTask"]]
    host = [task["command"], *task["args"]]
    jdb = [need("jdb"), "-attach", f"{launch['hostName']}:{launch['port']}"]
    with Terminal(tmp_path, host, Path(task["options"]["cwd"])) as terminal, ExitStack() as running:
        found = terminal.expect(LISTENING)
        terminal.expect(task["problemMatcher"]["background"]["endsPattern"])
        terminal.rewind(found)
        debugger = running.enter_context(Terminal(tmp_path, jdb, tmp_path))
        debugger.expect("> ")
        debugger.type("stop at com.example.Echo:15")
        debugger.expect("Set breakpoint")
        with ask(terminal, b"hello") as client:
            debugger.expect("Breakpoint hit: .*, line=15")
            debugger.type("cont")
            assert client.read().text == "hello"
        debugger.type("quit")
        assert debugger.ends() == 0
        terminal.press_ctrl_c()
        assert terminal.ends() == 0


def test_other_configurations_of_the_user_stay(project: MakeProject) -> None:
    """What is written twice is there once."""
    made = project("python")
    folder = made.description.parent
    (folder / ".vscode").mkdir()
    own = {"name": "mine", "type": "node"}
    path = folder / ".vscode" / "launch.json"
    path.write_text(json.dumps({"version": "0.2.0", "configurations": [own], "compounds": []}), encoding="utf-8")
    written(made, "file")
    once = read(path)
    written(made, "file")
    assert read(path) == once
    assert once["configurations"][0] == own
    assert "compounds" in once
    assert len(once["configurations"]) == 3


def test_file_that_would_lose_something_is_left_alone(project: MakeProject) -> None:
    """A file with comments; then nothing is written at all."""
    made = project("python")
    folder = made.description.parent
    (folder / ".vscode").mkdir()
    path = folder / ".vscode" / "tasks.json"
    path.write_text('{"tasks": []  // mine\n}', encoding="utf-8")
    ended = run("debug", made.entry, "--vscode", cwd=folder)
    ended.fails_in_one_line(2, str(path), "no plain JSON", "move it away")
    assert [file.name for file in path.parent.iterdir()] == ["tasks.json"]


def test_task_calls_the_processor_once(project: MakeProject) -> None:
    made = project("python")
    task = filled_in(written(made, "description")[1][0], made.description.parent)
    ended = run(*task["args"][1:], cwd=Path(task["options"]["cwd"]))
    assert (ended.code, ended.stdout) == (0, "2"), ended.stderr
