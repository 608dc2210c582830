"""
What VS Code needs to debug a processor: `.vscode/launch.json` and `.vscode/tasks.json` in the project's folder.

The editor brings the debugger, and starts `eas-host debug --no-debugger` under it: C++ with cpptools and gdb, Python
with debugpy, both in the host's own process. A JVM is attached to, once a task has started the host. What the user's
files have otherwise stays as it is.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from eas_host.debug.program import host_program
from eas_host.errors import ConfigError

_PORT: Final = 5005
"""Where the JVM waits for the editor: the port that Java's documentation and most editors propose."""
_ASKED: Final = "${input:easHostBody}"
_INPUTS: Final = [
    {"id": "easHostBody", "type": "promptString", "description": "The body of the request", "default": "hello"}
]

Entry = dict[str, Any]
_BUILD: Final[Entry] = {"label": "eas-host: build", "type": "process", "command": "make", "problemMatcher": ["$gcc"]}


class Project(NamedTuple):
    """
    What is debugged.

    Attributes:
        name: of the service.
        kind: the language: cpp, java or python.
        arguments: those of `eas-host debug`, from the working directory.
        cwd: the working directory.
        jvm_options: those that the processor has.
        build: whether `make` is to build it before.
    """

    name: str
    kind: str
    arguments: Sequence[str] = ()
    cwd: str = "${workspaceFolder}"
    jvm_options: Sequence[str] = ()
    build: bool = False


def write(folder: Path, project: Project) -> list[Path]:
    """
    Write both files of *project* into `.vscode` in *folder*, and return their paths.

    Raises:
        ConfigError: a file of the user cannot be added to, or not be written.
    """
    texts = {folder / name: text for name, text in render(project, folder).items()}
    try:
        for path, text in texts.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}; --vscode writes there") from error
    return list(texts)


def render(project: Project, folder: Path | None = None) -> dict[str, str]:
    """
    Return the texts of both files of *project*, by their paths in its folder, with what they have in *folder* already.

    Raises:
        ConfigError: a file there cannot be added to.
    """
    tasks = [_invocation(project), *([_BUILD] if project.build else [])]
    if project.kind == "java":
        tasks.append(_waiting_host(project))
        launches = [_attach(project, tasks[-1]["label"])]
    else:
        make = _cpptools if project.kind == "cpp" else _debugpy
        common: Entry = {"cwd": project.cwd, **({"preLaunchTask": _BUILD["label"]} if project.build else {})}
        started = ["debug", "--no-debugger"]
        title = f"eas-host: {project.name}"
        launches = [
            {"name": title, **make([*started, *project.arguments]), **common},
            {"name": f"{title}, one request", **make([*started, "-d", _ASKED, *project.arguments]), **common},
        ]
    files = {
        ".vscode/launch.json": ("0.2.0", "configurations", "name", launches),
        ".vscode/tasks.json": ("2.0.0", "tasks", "label", tasks),
    }
    return {name: _merged(folder / name if folder else None, *content) for name, content in files.items()}


def _cpptools(arguments: Sequence[str]) -> Entry:
    return {
        "type": "cppdbg",
        "request": "launch",
        "program": sys.executable,
        "args": [*host_program(), *arguments],
        "MIMode": "gdb",
        "setupCommands": [
            {"text": "-enable-pretty-printing", "ignoreFailures": True},
            {"text": "handle SIGPIPE nostop noprint pass"},  # a client that has gone away
        ],
    }


def _debugpy(arguments: Sequence[str]) -> Entry:
    program = host_program()
    started = {"module": program[1]} if program[0] == "-m" else {"program": program[0]}
    return {
        "type": "debugpy",
        "request": "launch",
        **started,
        "args": list(arguments),
        "python": sys.executable,
        "console": "integratedTerminal",
        "subProcess": False,  # else debugpy waits for processes that the program starts
    }


def _attach(project: Project, task: str) -> Entry:
    return {
        "name": f"eas-host: {project.name}",
        "type": "java",
        "request": "attach",
        "hostName": "127.0.0.1",
        "port": _PORT,
        "preLaunchTask": task,
    }


def _waiting_host(project: Project) -> Entry:
    agent = f"-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:{_PORT}"
    options = shlex.join([*project.jvm_options, agent])
    return {
        "label": f"eas-host: {project.name}, waiting for the debugger",
        "type": "process",
        "command": sys.executable,
        "args": [*host_program(), "debug", "--no-debugger", *project.arguments, "--jvm-options", options],
        "options": {"cwd": project.cwd},
        **({"dependsOn": _BUILD["label"]} if project.build else {}),
        "isBackground": True,
        "problemMatcher": {
            "pattern": {"regexp": "^eas-host: (.*)$", "message": 1},
            "background": {"activeOnStart": True, "beginsPattern": "^$", "endsPattern": "Service start successfully"},
        },
    }


def _invocation(project: Project) -> Entry:
    return {
        "label": f"eas-host: call {project.name} once",
        "type": "process",
        "command": sys.executable,
        "args": [*host_program(), "invoke", "-d", _ASKED, *project.arguments],
        "options": {"cwd": project.cwd},
        **({"dependsOn": _BUILD["label"]} if project.build else {}),
        "problemMatcher": [],
    }


def _merged(path: Path | None, version: str, key: str, identity: str, entries: Sequence[Entry]) -> str:
    """
    Return the text of a file with *entries* in its list *key*. If there is one at *path*, they take the places of those
    with the same *identity*.
    """
    content: Any = {"version": version}
    if path is not None and path.is_file():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{path}: cannot be added to without loss, since it is no plain JSON ({error}); move it away for now"
            ) from error
    lists = (content.get(key, []), content.get("inputs", [])) if isinstance(content, dict) else (None,)
    if not all(isinstance(one, list) for one in lists):
        raise ConfigError(f"{path}: is no file of VS Code's; move it away")
    content[key] = _replaced(content.get(key, []), identity, entries)
    if _ASKED in str(entries):
        content["inputs"] = _replaced(content.get("inputs", []), "id", _INPUTS)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _replaced(before: Sequence[Any], identity: str, entries: Sequence[Entry]) -> list[Any]:
    ours = {entry[identity] for entry in entries}
    return [*(one for one in before if not (isinstance(one, dict) and one.get(identity) in ours)), *entries]
