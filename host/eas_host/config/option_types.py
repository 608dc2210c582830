"""
The types of options: each function converts the text of an option to its value.

A function raises `ValueError` for a text that does not fit; the error says what is expected. The caller puts the
option's name in front.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries.java_home import find_libjvm

INT_MAX: Final = 2**31 - 1
"""Sizes cross the processor's ABI as C ints, so no body may be larger."""
MEMORY_LEAST: Final = 2**20
MEMORY_MOST: Final = 2**40

_UNITS: Final = {"": 1, "b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE: Final = re.compile(r"(\d+)\s*(|[kmg]i?)b?", re.IGNORECASE)
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"", "0", "false", "no", "off"})
_MAX_PORT: Final = 65535
_LATIN_1_MAX: Final = 0xFF
_LABEL: Final = "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST: Final = re.compile(rf"\*|(\*?\.)?{_LABEL}(\.{_LABEL})*|[0-9a-f.]*:[0-9a-f:.]*")
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d+))?/?"
)
_USUAL_PORTS: Final = {"http": "80", "https": "443"}
ENCODINGS: Final = ("gzip", "zlib", "snappy", "lz4", "zstd")


class Address(NamedTuple):
    """
    Where to listen. *host* is a name or an address without brackets; *port* 0 takes a free one.
    """

    host: str
    port: int

    @property
    def authority(self) -> str:
        """
        The form of a URL, with an IPv6 address in brackets.
        """
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """
    Read `HOST:PORT`, `[::1]:PORT`, and `:PORT` or `PORT` (loopback).
    """
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("expected HOST:PORT, with an IPv6 address in brackets, such as [::1]:8080")
    if not (port.isascii() and port.isdigit()) or int(port) > _MAX_PORT:
        raise ValueError("expected HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080")
    return Address(host or "127.0.0.1", int(port))


def listen_host(text: str) -> str:
    """
    Read the host of an address by itself: a name or an address, an IPv6 one with or without brackets.
    """
    host = text.strip().removeprefix("[").removesuffix("]")
    if not host or host.count(":") == 1 or "/" in host:
        raise ValueError("expected a host name or an address without a port, such as 0.0.0.0; the port is --port")
    return host


def listen_port(text: str) -> int:
    """
    Read the port of an address by itself.
    """
    if not (text.isascii() and text.isdigit()) or int(text) > _MAX_PORT:
        raise ValueError(f"expected a port from 0 to {_MAX_PORT}; 0 takes a free one")
    return int(text)


def size(text: str) -> int:
    """
    Read a number of bytes: `65536`, `64KiB`, `64MiB`, `1GB`.
    """
    value = _bytes(text)
    if not 1 <= value <= INT_MAX:
        raise ValueError("expected a size from 1 to 2147483647 bytes, such as 65536, 512KiB or 64MiB")
    return value


def memory(text: str) -> int:
    """
    Read an amount of memory, written as a size is.
    """
    value = _bytes(text)
    if not MEMORY_LEAST <= value <= MEMORY_MOST:
        raise ValueError("expected an amount of memory from 1MiB to 1024GiB, such as 256MiB or 2GiB")
    return value


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    return int(match[1]) * _UNITS[match[2].lower()] if match else 0


def int_range(low: int, high: int) -> _IntRange:
    """
    Make an option type for whole numbers from *low* to *high*.
    """
    return _IntRange(low, high)


class _IntRange(NamedTuple):
    low: int
    high: int

    def __call__(self, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = self.low - 1
        if not self.low <= value <= self.high:
            raise ValueError(f"expected a whole number from {self.low} to {self.high}")
        return value


def seconds(text: str) -> float:
    """
    Read a number of seconds, 0 or more.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= INT_MAX:
        raise ValueError("expected a number of seconds, 0 or more, such as 30 or 0.5")
    return value


def boolean(text: str) -> bool:
    """
    Read a boolean, such as `1`, `true` or `no`.
    """
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("expected 1 or 0")
    return word in _TRUE


def text_or_file(text: str) -> str:
    """
    Read a text, or with `@FILE` the contents of that file (UTF-8).
    """
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ValueError(f"cannot read {text[1:]}: {reason}") from error
    if "\0" in text:
        raise ValueError("the text contains a NUL byte, which C strings cannot carry")
    return text


def path(text: str) -> str:
    """
    Read the path of a file or folder, which need not exist, and make it absolute; `~` is a home folder as in a shell.
    """
    if not text.strip() or "\0" in text:
        raise ValueError("expected the path of a folder")
    return str(Path(text).expanduser().absolute())


def folder(text: str) -> str:
    """
    Read the path of a folder that exists.
    """
    found = path(text)
    if not Path(found).is_dir():
        raise ValueError("expected a folder that exists")
    return found


def java_home(text: str) -> str:
    """
    Read the home of a Java that processors can run on.
    """
    found = folder(text)
    find_libjvm(Path(found))
    return found


def shell_words(text: str) -> tuple[str, ...]:
    """
    Split a text into words as a shell does: `-Xmx1g "-Dname=two words"`.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {error}") from error


def header_value(text: str) -> str:
    """
    Read a text that may stand in an HTTP header (RFC 9110, section 5.5: visible ASCII, spaces and tabs).
    """
    if not text.isascii() or not text.replace("\t", " ").isprintable() or not text.strip():
        raise ValueError("expected printable ASCII, such as application/octet-stream")
    return text.strip()


def token(text: str) -> str:
    """
    Read a token, which must fit into an HTTP header. Space around it is removed, as HTTP does.
    """
    token = text.strip()
    if not token or not token.isprintable() or not _is_latin_1(token):
        raise ValueError("expected a token of printable Latin-1 characters, such as --generate-token makes")
    return token


def host_name(text: str) -> str:
    """
    Read a host name that clients may use: `example.com`, `.example.com` or `*.example.com` for all names below it, an
    address, or `*` for any name.
    """
    name = _ascii(text.strip().rstrip(".").lower()).removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(name):
        raise ValueError("expected a host name without a scheme or port, such as example.com, *.example.com or *")
    return name if name == "*" else name.removeprefix("*")


def origin(text: str) -> str:
    """
    Read an origin as browsers send it (RFC 6454, section 6.2), or `*` for any origin.
    """
    given = _ascii(text.strip().lower())
    match = _ORIGIN.fullmatch(given)
    if match is None and given not in ("*", "null"):
        raise ValueError("expected an origin, such as http://localhost:3000, or * for any")
    if match is None:
        return given
    port = match["port"] or ""
    usual = not port or _USUAL_PORTS.get(match["scheme"]) == port
    return f"{match['scheme']}://{match['host']}" + ("" if usual else f":{port}")


def content_encoding(text: str) -> str | None:
    """
    Read the name of a compression that request bodies may have, or `none`.
    """
    name = text.strip().lower()
    if name not in (*ENCODINGS, "none"):
        raise ValueError(f"expected {', '.join(ENCODINGS)} or none")
    return None if name == "none" else name


def _ascii(text: str) -> str:
    """
    Convert a name with characters beyond ASCII to the form that the DNS uses.
    """
    try:
        return re.sub(
            r"[^\x00-\x2f:\[\]]*[^\x00-\x7f][^\x00-\x2f:\[\]]*", lambda label: label[0].encode("idna").decode(), text
        )
    except UnicodeError:
        return text  # not a valid name; the caller's pattern rejects it


def _is_latin_1(text: str) -> bool:
    return all(ord(character) <= _LATIN_1_MAX for character in text)
