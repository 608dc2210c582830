"""
What a package is made without: a few files by default, and what `.easignore` names, in the syntax of .gitignore.

The defaults stand before the user's lines, so that a line such as `!__pycache__/` takes one back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from eas_host.errors import ConfigError

NAME: Final = ".easignore"

DEFAULTS: Final = (
    "__pycache__/",  # hold the times of their sources, so no two are alike
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    ".DS_Store",
    f"/{NAME}",
)


def reader(folder: Path) -> Callable[[str], bool]:
    """
    Make the test for files of *folder*: given a path from there, a folder's with a slash at its end, it tells whether
    that is left out. What is in a folder that is left out needs no test; as in git, nothing takes it back.

    Raises:
        ConfigError: a line of the `.easignore` is no pattern; the message names it.
    """
    return GitIgnoreSpec.from_lines([*DEFAULTS, *_lines(folder / NAME)]).match_file


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
