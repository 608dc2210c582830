"""
The environment variables of this process: files that add to them, and those that look like an option and are none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from eas_host.config.host import OPTIONS, variable
from eas_host.errors import ConfigError

_PREFIX: Final = "EAS_HOST_"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LINE: Final = re.compile(rf"(?:export\s+)?(?P<name>{_NAME.pattern})\s*=(?P<value>.*)")
_QUOTED: Final = re.compile(r"""(?:'(?P<plain>[^']*)'|"(?P<escaped>(?:[^"\\]|\\.)*)")\s*(?:#.*)?""")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
_OF_KUBERNETES: Final = re.compile(r"SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?")
"""What Kubernetes puts into the environment of each container where a Service has the name `eas-host`."""
_loaded: Final[set[str]] = set()
"""The files that have been read."""


def load_files(files: Sequence[str]) -> None:
    """
    Add the variables in *files* to those of this process. A variable that the process has already stays as it is; of
    several files the last one counts. A file is read once, so that a version that is loaded later has the same.

    Raises:
        ConfigError: a file cannot be read, or a line of it is none of `KEY=VALUE`.
    """
    new = [file for file in files if file not in _loaded]
    found = {name: value for file in new for name, value in _read(file)}
    _loaded.update(new)
    for name, value in found.items():
        os.environ.setdefault(name, value)


def _read(file: str) -> Iterator[tuple[str, str]]:
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: it is not UTF-8, or a NUL in its name
        reason = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
        raise ConfigError(f"--env-file: {file}: {reason}; expected a file with lines KEY=VALUE") from error
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()  # noqa: PLW2901  nothing else is wanted
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            # The line itself may be a secret.
            raise ConfigError(f"--env-file: {file}:{number}: is no KEY=VALUE; put # before a comment")
        value = _value(match["value"])
        if value is None:
            raise ConfigError(
                f"--env-file: {file}:{number}: the quotes of {match['name']} do not match;"
                " expected one pair around the value, and nothing but a # comment behind"
            )
        yield match["name"], value


def _value(text: str) -> str | None:
    """
    Read a value: with quotes, what is between them; else up to a comment. Returns None if the quotes do not match.
    """
    if text.strip()[:1] not in ("'", '"'):
        return re.split(r"\s#", text, maxsplit=1)[0].strip()
    match = _QUOTED.fullmatch(text.strip())
    if match is None:
        return None
    if match["plain"] is not None:
        return match["plain"]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), match["escaped"])


def unknown_variables(environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """
    Say of each variable in *environ*, by default the process's own, that begins as those of options do and is none. Its
    value is not shown.
    """
    environ = os.environ if environ is None else environ
    known = {variable(name) for name in OPTIONS}
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in known:
            continue
        word = name.removeprefix(_PREFIX)
        if _OF_KUBERNETES.fullmatch(word) and (word != "PORT" or "://" in environ[name]):
            continue
        from eas_host.config.suggestions import near  # noqa: PLC0415  few environments have one

        meant = {"PORT": "LISTEN", "HOST": "LISTEN", "WORKERS": "WORKER_PROCESSES", "DEBUG": "LOG_LEVEL"}.get(word)
        meant = meant or near(word, [option.upper() for option in OPTIONS])
        hint = f"did you mean {_PREFIX}{meant}?" if meant else "`eas-host --help-all` lists the options"
        yield f"{name}: is the variable of no option, so it has no effect; {hint}"
