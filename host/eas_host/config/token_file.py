"""
Files with tokens, by which a host that serves is given another token.

Each line is a token. The first is the one that clients are to send. Those below are accepted, too; a time behind a tab
says until when: `TOKEN<tab>2026-12-01T17:30:00Z`. No token has a tab, since that is not printable. The first line has
no time, so a host whose file nobody changes any more never ends up without a token, by which it would serve everybody.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eas_host.config import option_types

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
"""Of RFC 3339, in UTC, as Kubernetes writes times."""
_EXAMPLE: Final = "2026-12-01T17:30:00Z"
_RENEWED: Final = "its token counts from now on"
_MARK_DIGITS: Final = 4
"""Hexadecimal: enough to tell two rotations apart, and too few to know by a log that a guessed token is right."""
_LARGEST: Final = 64 * 1024
"""Bytes: more than any number of tokens that somebody rotates."""

Signature = tuple[int, int, int, int]
"""Device, inode, time and size: another one is another state of a file, and so is a link that leads elsewhere."""


@dataclass(frozen=True)
class OlderToken:
    """
    A token that is accepted beside the first one.

    Attributes:
        text: the token.
        until: when that ends, in seconds since the epoch; None: when it is taken out of the file.
    """

    text: str = field(repr=False)
    until: float | None = None


@dataclass(frozen=True)
class TokenFile:
    """
    What a file with tokens has said.

    Attributes:
        path: the file.
        token: its first token.
        older: the others.
        signature: its state; None for what cannot be read twice, such as a pipe.
    """

    path: str
    token: str = field(repr=False)
    older: tuple[OlderToken, ...] = ()
    signature: Signature | None = None


def token_or_file(text: str) -> str | TokenFile:
    """
    Read a token, or with `@FILE` a file with tokens.

    Raises:
        ValueError: it is none; the text says what is expected.
    """
    return read_token_file(text[1:]) if text.startswith("@") else option_types.token(text)


def read_token_file(path: str, *, may_wait: bool = True) -> TokenFile:
    """
    Read the file at *path*.

    Args:
        path: the file.
        may_wait: whether it may be a pipe, whose writer is waited for. Otherwise a regular file is expected.

    Raises:
        ValueError: it cannot be read, or has a line that is no token. The text has no part of it.
    """
    try:
        with open(path, "rb", opener=None if may_wait else _open_regular) as file:
            state = os.fstat(file.fileno())
            content = file.read(_LARGEST + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"cannot read {path}: {reason}") from error
    except ValueError as error:
        raise ValueError(f"cannot read {path!r}: it is no path of a file") from error
    if len(content) > _LARGEST:
        raise ValueError(f"{path} has more than {_LARGEST} bytes; expected a token in each line")
    try:
        token, older = read_tokens(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    signature = _signature(state) if stat.S_ISREG(state.st_mode) else None
    return TokenFile(str(Path(path).absolute()), token, older, signature)  # with its links, which may lead elsewhere


def _open_regular(path: str, flags: int) -> int:
    """
    Open the file at *path*, and never wait for whoever writes into a pipe.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no regular file")


def read_tokens(text: str) -> tuple[str, tuple[OlderToken, ...]]:
    """
    Return the first token of the contents of a file, and the others.

    Raises:
        ValueError: a line is no token, or has a time that is none.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()] or [(1, "")]
    tokens = [_read_line(number, line) for number, line in lines]
    first, *older = tokens
    if first.until is not None:
        raise ValueError(
            f"line {lines[0][0]} has a time; expected the token that stays first, and those that end below it"
        )
    return first.text, tuple(older)


def write_tokens(token: str, older: Iterable[OlderToken]) -> str:
    """
    Write the contents of a file with *token* and *older* ones.
    """
    lines = [token, *(one.text if one.until is None else f"{one.text}\t{utc_time(one.until)}" for one in older)]
    return "".join(f"{line}\n" for line in lines)


def utc_time(seconds: float) -> str:
    """
    Write a time, in *seconds* since the epoch.
    """
    from datetime import datetime, timezone  # noqa: PLC0415  a host whose file has no times does not need it

    return datetime.fromtimestamp(seconds, timezone.utc).strftime(_TIME)


def renewed_mark(token: str) -> str:
    """
    Return what a host says in its log when it asks for *token*, which it has read from its file again: who has changed
    the file can look for it there.
    """
    import hashlib  # noqa: PLC0415  see `utc_time`

    return f"{_RENEWED} ({hashlib.sha256(token.encode()).hexdigest()[:_MARK_DIGITS]})"


def look_at(path: str) -> Signature | None:
    """
    Return the state of the file at *path*; None if there is none that can be looked at.
    """
    try:
        return _signature(os.stat(path))  # noqa: PTH116  once a second, and a Path takes as long again
    except (OSError, ValueError):
        return None


def _signature(state: os.stat_result) -> Signature:
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


def _read_line(number: int, line: str) -> OlderToken:
    text, tab, time = line.rstrip(" \r").partition("\t")  # not the tab: a time that is forgotten is no "for ever"
    try:
        return OlderToken(option_types.token(text), _read_time(time.strip()) if tab else None)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error


def _read_time(text: str) -> float:
    from datetime import datetime, timezone  # noqa: PLC0415  see `utc_time`

    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise ValueError(f"expected a time such as {_EXAMPLE} behind the tab") from None
