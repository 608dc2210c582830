"""
Which files are left out of a package: a few by default, and those that `.easignore` names, in the syntax of .gitignore.

The defaults come before the user's lines, so a line such as `!__pycache__/` revokes a default.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from eas_host.errors import ConfigError

NAME: Final = ".easignore"

DEFAULTS: Final = (
    "__pycache__/",  # holds the modification times of the sources, so two copies are never equal
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    ".DS_Store",
    ".vscode",  # has paths of this machine, as `eas-host init` writes it
    f"/{NAME}",
)


def ignore_rules(folder: Path) -> Callable[[str], str]:
    """
    Make the function that tells why a path is left out; `""` if it is not. The path is relative to *folder*; that of a
    folder ends with a slash. The contents of a folder that is left out need not be tested: as in git, no line can
    revoke them.

    Raises:
        ConfigError: a line of the `.easignore` is no pattern; the message names it.
    """
    lines = [*DEFAULTS, *_lines(folder / NAME)]
    spec = GitIgnoreSpec.from_lines(lines)

    def why(path: str) -> str:
        found = spec.check_file(path)
        if not found.include or found.index is None:
            return ""
        return f"{'by default' if found.index < len(DEFAULTS) else NAME}: {lines[found.index].strip()}"

    return why


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8 text") from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError as error:
            raise ConfigError(f"{file}:{number}: {line!r} is no pattern; expected one as in a .gitignore") from error
    return lines
