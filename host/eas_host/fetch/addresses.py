"""
What a URL says: where it leads, what its file is called, and what of it may be shown.

A URL can hold credentials, before its host (`user:password@`) or in its query (signed URLs). None of them is ever
printed, logged or stored, in a file's name least of all: everything but the request itself works with what `shown` and
`identity` leave of a URL.
"""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from eas_host.log.masking import LONG_SECRET, SECRET

_SIGNED: Final = re.compile(r"^expires$|^x-(oss|amz|goog)-|^s[evprt]$", re.IGNORECASE)
"""What changes each time a URL is signed: Alibaba's, Amazon's, Google's and Azure's names."""

_LOCAL: Final = ("file", "local")
_MAX_NAME: Final = 200  # bytes of a file's name; file systems take 255, and temporary names need some of them


def is_url(text: str) -> bool:
    """
    Tell whether *text* leads somewhere else than to this machine's files.
    """
    return "://" in text and scheme(text) not in _LOCAL


def scheme(url: str) -> str:
    """
    The part before `://`, in small letters.
    """
    return url.partition("://")[0].lower()


def shown(url: str) -> str:
    """
    *url* as it may be shown: without its credentials.
    """
    parts = _split(url)
    pairs = [(name, "***" if SECRET.search(name) else value) for name, value in _pairs(parts)]
    return parts._replace(netloc=_host(parts), query=urlencode(pairs, safe="*/:"), fragment="").geturl()


def identity(url: str) -> str:
    """
    What stays the same of *url* when it is signed again.
    """
    parts = _split(url)
    pairs = [pair for pair in _pairs(parts) if not (SECRET.search(pair[0]) or _SIGNED.search(pair[0]))]
    return parts._replace(netloc=_host(parts), query=urlencode(pairs), fragment="").geturl()


def scrub(text: str, url: str) -> str:
    """
    Take the credentials of *url* out of somebody else's *text* about it. Short ones stand in many a word, so those are
    only known by where they are.
    """
    parts = _split(url)
    pair = parts.netloc.rpartition("@")[0]
    secrets = {pair.partition(":")[2], *(value for name, value in _pairs(parts) if SECRET.search(name))}
    text = text.replace(url, shown(url)).replace(f"{pair}@", "") if pair else text.replace(url, shown(url))
    for secret in secrets | {unquote(secret) for secret in secrets}:
        text = text.replace(secret, "***") if len(secret) >= LONG_SECRET else text
    return text


def file_name(url: str) -> str:
    """
    The name that the file behind *url* gets: the last part of the URL's path, as far as it can be a name.
    """
    path = _split(url).path.rstrip("/")
    name = unquote(path.rpartition("/")[2], errors="surrogateescape").replace("/", "_")
    name = "".join(letter if letter.isprintable() else "_" for letter in name)
    stem, dot, ending = name.partition(".")
    while len(os.fsencode(stem + dot + ending)) > _MAX_NAME:
        stem, ending = (stem[:-1], ending) if stem else (stem, ending[1:])
    name = stem + dot + ending
    return "download" if name.strip(".") == "" else name


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # brackets that are no IPv6 address: nothing in it can be told from a secret
        return SplitResult(scheme(url), "", "", "", "")


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _pairs(parts: SplitResult) -> list[tuple[str, str]]:
    return parse_qsl(parts.query, keep_blank_values=True)
