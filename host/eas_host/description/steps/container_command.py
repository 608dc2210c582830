"""
Which Python program the command of a container starts, and with which arguments.

No shell runs the command. It is parsed as a shell would parse it, with quotes and backslashes, and accepted if it
starts one program, such as `cd FOLDER && exec python -u app.py --flag x`, also on several lines. A command that does
anything else (pipes, a second program, variables in front) is rejected, since running a part of it would do something
that its author did not write.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<gap> [^\S\n]+ | \#[^\n]* )
    | (?P<end> && | [;\n] )
    | (?P<word> (?: \\. | '[^']*' | "(?:\\.|[^"\\])*" | [^\s'"\\;&|<>()] )+ )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SHELL: Final = re.compile(r"(.*/)?(ba|da|z|k)?sh")
_PYTHON: Final = re.compile(r"(.*/)?python(\d+(\.\d+)?)?")
_OPTION: Final = re.compile(r"-([bBdEiIOPqsSuv]+|[WX].*)")
"""Options with which Python still runs a file: all but -c and -m."""
_PREFIXES: Final = ("exec", "env", "/usr/bin/env")
_LITERAL: Final = re.compile(r"\\.|'[^']*'", re.DOTALL)
"""Parts of a word in which a shell expands nothing."""


@dataclass(frozen=True)
class ContainerProgram:
    """
    The program that a command starts.

    Attributes:
        file: the path of the program, normalized; it begins with the folders that the command changes to.
        arguments: the arguments of the program.
        options: options of Python that would make a difference and are ignored.
        variables: words in which a shell would expand something.
    """

    file: str
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def parse_command(command: str | tuple[str, ...]) -> ContainerProgram | None:
    """
    The program that *command*, a text for a shell or a list of words, starts; None if it is no single Python file.
    """
    if isinstance(command, tuple):
        return _program([list(command)]) if len(command) > 1 else parse_command("".join(command))
    statements = _statements(command.replace("\r\n", "\n").replace("\\\n", ""))
    if statements is None:
        return None
    program = _program([[shlex.split(word)[0] for word in statement] for statement in statements])
    if program is None or program.variables:
        return program
    words = [shlex.split(word)[0] for word in statements[-1] if re.search("[$`]", _LITERAL.sub("", word))]
    return ContainerProgram(program.file, program.arguments, program.options, tuple(words))


def _statements(text: str) -> list[list[str]] | None:
    """
    The words of each statement, with their quotes; None if *text* has another operator than `&&`, `;` and line ends.
    """
    statements: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        if found.lastgroup == "word":
            statements[-1].append(found.group())
        elif found.lastgroup == "end":
            statements.append([])
        at = found.end()
    return [statement for statement in statements if statement]


def _program(statements: list[list[str]]) -> ContainerProgram | None:
    folder = ""
    for statement in statements[:-1]:
        if statement[0] == "cd" and len(statement) == len(("cd", "FOLDER")):
            folder = posixpath.join(folder, statement[1])
        elif statement[0] != "set":  # `set -e` says what happens if a statement fails
            return None
    words = statements[-1] if statements else []
    while words and words[0] in _PREFIXES:
        words = words[1:]
    match words:
        case [shell, option, line] if _SHELL.fullmatch(shell) and re.fullmatch("-[a-z]*c", option) and not folder:
            return parse_command(line)
        case [python, *rest] if _PYTHON.fullmatch(python):
            options, words = _options(rest)
        case _:
            options = ()
    if not words or not words[0].endswith(".py") or words[0].startswith("-"):
        return None
    return ContainerProgram(posixpath.normpath(posixpath.join(folder, words[0])), tuple(words[1:]), options)


def _options(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """
    Split the words behind `python` into options that would make a difference, and everything behind all options.
    """
    kept: list[str] = []
    while words and _OPTION.fullmatch(words[0]):
        length = 2 if words[0] in ("-W", "-X") else 1
        if set(words[0]) - set("-uBq"):
            kept.append(" ".join(words[:length]))
        words = words[length:]
    return tuple(kept), words
