"""
Which Python program a container's command starts, and with which arguments.

No shell runs here: a command is read as far as it names one program, `cd FOLDER && exec python -u app.py --flag x`, or
the same on several lines. Words are a shell's, quotes and backslashes included. A command that does anything else
(pipes, a second program, variables in front) names no program: to run half of it would be a lie.
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
"""Options of Python's that leave the program to a file: neither -c nor -m."""
_BEFORE: Final = ("exec", "env", "/usr/bin/env")
_LITERAL: Final = re.compile(r"\\.|'[^']*'", re.DOTALL)
"""What a shell leaves as it is."""


@dataclass(frozen=True)
class Program:
    """
    What a command starts.

    Attributes:
        file: the program, normalized, behind the folders that the command changes to.
        arguments: its arguments.
        options: options of Python's own, except those that make no difference here.
        variables: words in which a shell would have replaced something.
    """

    file: str
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def program_of(command: str | tuple[str, ...]) -> Program | None:
    """
    The program that *command* starts, a line for a shell or the words themselves; None if that is no Python file.
    """
    if isinstance(command, tuple):
        return _program([list(command)]) if len(command) > 1 else program_of("".join(command))
    statements = _statements(command.replace("\r\n", "\n").replace("\\\n", ""))
    if statements is None:
        return None
    program = _program([[shlex.split(word)[0] for word in statement] for statement in statements])
    if program is None or program.variables:
        return program
    words = [shlex.split(word)[0] for word in statements[-1] if re.search("[$`]", _LITERAL.sub("", word))]
    return Program(program.file, program.arguments, program.options, tuple(words))


def _statements(text: str) -> list[list[str]] | None:
    """
    The words of each statement, still quoted; None if they are tied together by more than `&&` and the ends of lines.
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


def _program(statements: list[list[str]]) -> Program | None:
    folder = ""
    for statement in statements[:-1]:
        if statement[0] == "cd" and len(statement) == len(("cd", "FOLDER")):
            folder = posixpath.join(folder, statement[1])
        elif statement[0] != "set":  # `set -e` says what happens if a statement fails
            return None
    words = statements[-1] if statements else []
    while words and words[0] in _BEFORE:
        words = words[1:]
    match words:
        case [shell, option, line] if _SHELL.fullmatch(shell) and re.fullmatch("-[a-z]*c", option) and not folder:
            return program_of(line)
        case [python, *rest] if _PYTHON.fullmatch(python):
            options, words = _options(rest)
        case _:
            options = ()
    if not words or not words[0].endswith(".py") or words[0].startswith("-"):
        return None
    return Program(posixpath.normpath(posixpath.join(folder, words[0])), tuple(words[1:]), options)


def _options(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """
    Split what follows `python` into those of its options that would make a difference, and the rest.
    """
    told: list[str] = []
    while words and _OPTION.fullmatch(words[0]):
        length = 2 if words[0] in ("-W", "-X") else 1
        if set(words[0]) - set("-uBq"):
            told.append(" ".join(words[:length]))
        words = words[length:]
    return tuple(told), words
