"""
The scripts with which bash, zsh and fish complete command lines of `eas-host`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

_LIST_SERVICES: Final = (
    'for log in "${EAS_HOST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eas-host}"/logs/eas-host-*.log; do'
    ' pid=${log##*-}; if [ -d "/proc/${pid%.log}" ]; then'
    r""" sed -nE 's/.*listening on (http:[][A-Za-z0-9:/._%~-]+)($|").*/\1/p' "$log"; fi; done"""
)
"""
The script for `sh` that prints the URLs of the services that `--detach` has started and that run: their logs have them,
each in a file with the number of its process (`cli.detach`). A processor writes there, too, so nothing is taken that a
shell could expand.
"""


class Flag(NamedTuple):
    """
    One option.

    Attributes:
        names: its flags.
        about: its line in the help.
        value: what stands for its value; empty if it takes none.
        choices: the values that it can have, if these are few.
        files: whether the value can be a file.
        folders: whether the value is a folder.
    """

    names: tuple[str, ...]
    about: str
    value: str
    choices: tuple[str, ...]
    files: bool
    folders: bool


class CommandWords(NamedTuple):
    """
    What can be typed behind a command.

    Attributes:
        name: the command; empty for `eas-host` without one.
        about: what it does.
        flags: its options.
        words: the words that its first argument can be.
        takes_files: whether its arguments, or those behind *words*, are files.
        takes_services: whether they may be URLs of services that run.
    """

    name: str
    about: str
    flags: tuple[Flag, ...]
    words: tuple[str, ...]
    takes_files: bool
    takes_services: bool = False


def write_bash(bare: CommandWords, commands: Sequence[CommandWords]) -> str:
    """
    Write the script for bash, 4.0 or later. *bare* is `eas-host` without a command.
    """
    flags = [flag for one in (bare, *commands) for flag in one.flags if flag.value]
    values: dict[str, list[str]] = {}
    for flag in flags:
        how = f"-W {shlex.quote(' '.join(flag.choices))}" if flag.choices else _bash_files(flag)
        values.setdefault(how, []).extend(flag.names)
    lines = [
        "# Completion of eas-host for bash; made by: eas-host completion bash",
        "_eas_host() {",
        "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        '    local command="" flags="" words="" files=1 services=',
        "    ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}",
        "    case $command in",
        *(_bash_command(one) for one in commands),
        f"    *) flags={_joined(name for flag in bare.flags for name in flag.names)} ;;",
        "    esac",
        f"    ((COMP_CWORD == 1)) && words={_joined(one.name for one in commands)}",
        "    case $before in",
        *(
            f"    {'|'.join(dict.fromkeys(names))}) mapfile -t COMPREPLY < <({_compgen(how)}); return ;;"
            for how, names in values.items()
        ),
        "    esac",
        '    [[ $current == -* ]] && words+=" $flags" files= services=',
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; [[ $files ]] && compgen -f -- "$current")',
        "    [[ $services ]] || return",
        "    # The colons of a URL divide it into several words; what stands before the last of them stays as it is.",
        '    local typed=${COMP_LINE:0:COMP_POINT}; typed=${typed##* }; local kept=${typed%"${typed##*:}"} urls',
        f'    mapfile -t urls < <(compgen -W "$(sh -c {shlex.quote(_LIST_SERVICES)})" -- "$typed")',
        "    ((${#urls[@]})) || return",
        "    compopt +o filenames",
        '    COMPREPLY=("${COMPREPLY[@]}" "${urls[@]#"$kept"}")',
        "}",
        "complete -o filenames -F _eas_host eas-host",
    ]
    return "\n".join(lines) + "\n"


def _bash_files(flag: Flag) -> str:
    return "-d" if flag.folders else "-f" if flag.files else ""


def _compgen(how: str) -> str:
    return f'compgen {how} -- "$current"' if how else ":"


def _bash_command(one: CommandWords) -> str:
    parts = [f"flags={_joined(name for flag in one.flags for name in flag.names)}"]
    if one.words:
        parts.append(f"((COMP_CWORD == 2)) && words={_joined(one.words)} files=")
    if not one.takes_files:
        parts.append("files=")
    if one.takes_services:
        parts.append("services=1")
    return f"    {one.name}) {'; '.join(parts)} ;;"


def write_zsh(bare: CommandWords, commands: Sequence[CommandWords]) -> str:
    """
    Write the script for zsh. It can be sourced, and can lie in a folder of fpath.
    """
    lines = [
        "#compdef eas-host",
        "# Completion of eas-host for zsh; made by: eas-host completion zsh",
        "_eas-host-services() {",
        f'    compadd -- ${{(f)"$(sh -c {shlex.quote(_LIST_SERVICES)})"}}',
        "}",
        "_eas-host-targets() {",
        "    _alternative services:service:_eas-host-services files:file:_files",
        "}",
        "_eas-host() {",
        "    local -a specs commands",
        '    local command=""',
        "    ((CURRENT > 2)) && command=${words[2]}",
        "    case $command in",
    ]
    for one in (*commands, bare):
        specs = [_zsh_spec(flag, name) for flag in one.flags for name in flag.names]
        if one.words:
            specs.append(shlex.quote(f"2:{one.name}:({' '.join(one.words)})"))
        if one.takes_files or one.takes_services:
            specs.append(shlex.quote(f"*:TARGET:{_zsh_arguments(one)}"))
        lines += [f"    ({one.name or '*'}) specs=(", *(f"        {spec}" for spec in specs), "    ) ;;"]
    lines += [
        "    esac",
        "    if ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then",
        "        commands=(",
        *(f"            {shlex.quote(f'{one.name}:{one.about}')}" for one in commands if not one.name.startswith("-")),
        "        )",
        "        _describe -t commands command commands",
        "        _files",
        "        return",
        "    fi",
        "    _arguments $specs",
        "}",
        'if [[ ${funcstack[1]} == _eas-host ]]; then _eas-host "$@"; else compdef _eas-host eas-host; fi',
    ]
    return "\n".join(lines) + "\n"


def _zsh_arguments(one: CommandWords) -> str:
    if not one.takes_services:
        return "_files"
    return "_eas-host-targets" if one.takes_files else "_eas-host-services"


def _zsh_spec(flag: Flag, name: str) -> str:
    about = "".join(f"\\{one}" if one in "[]\\" else one for one in flag.about)
    spec = f"*{name}[{about}]"
    if flag.value:
        value = flag.value.replace(":", "\\:")
        how = f"({' '.join(flag.choices)})" if flag.choices else _zsh_files(flag)
        spec += f":{value}:{how}"
    return shlex.quote(spec)


def _zsh_files(flag: Flag) -> str:
    return "_files -/" if flag.folders else "_files" if flag.files else ""


def write_fish(bare: CommandWords, commands: Sequence[CommandWords]) -> str:
    """
    Write the script for fish.
    """
    names = " ".join(one.name for one in commands if not one.name.startswith("-"))
    lines = ["# Completion of eas-host for fish; made by: eas-host completion fish"]
    first = f"not __fish_seen_subcommand_from {names}"
    for one in commands:
        if one.name.startswith("-"):
            lines.append(f"complete -c eas-host -n {_fish(first)} -l {one.name.lstrip('-')}")
            continue
        about = f" -d {_fish(one.about)}" if one.about else ""
        lines.append(f"complete -c eas-host -n __fish_use_subcommand -a {one.name}{about}")
        seen = f"__fish_seen_subcommand_from {one.name}"
        lines += [f"complete -c eas-host -n {_fish(seen)} -a {_fish(' '.join(one.words))}"] if one.words else []
        if one.takes_services:
            lines.append(f"complete -c eas-host -n {_fish(seen)} -a {_fish(f'(sh -c {_fish(_LIST_SERVICES)})')}")
        lines += [] if one.takes_files else [f"complete -c eas-host -n {_fish(seen)} -f"]
        lines += _fish_flags(one.flags, seen)
    lines += _fish_flags(bare.flags, first)
    return "\n".join(lines) + "\n"


def _fish_flags(flags: Sequence[Flag], condition: str) -> Iterator[str]:
    for flag in flags:
        parts = ["complete -c eas-host", f"-n {_fish(condition)}"]
        parts += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names]
        if flag.choices:
            parts.append(f"-x -a {_fish(' '.join(flag.choices))}")
        elif flag.folders:
            parts.append("-x -a '(__fish_complete_directories)'")
        elif flag.value:
            parts.append("-r -F" if flag.files else "-x")
        yield f"{' '.join(parts)} -d {_fish(flag.about)}"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _joined(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))
