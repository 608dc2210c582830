"""
What a URL says: its scheme, the name of its file, and how it is shown without its credentials.

A URL can hold credentials, before its host (`user:password@`) or in its query (signed URLs). They are never printed,
logged or stored, not even in the name of a file: everything except the request itself works with the results of
`without_credentials` and `cache_key`.
"""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from eas_host.log.masking import MIN_SECRET_LENGTH, SECRET_NAME

_SIGNED: Final = re.compile(r"^expires$|^x-(oss|amz|goog)-|^s[evprt]$", re.IGNORECASE)
"""The names of parameters that change each time a URL is signed: Alibaba's, Amazon's, Google's and Azure's."""

_LOCAL: Final = ("file", "local")
_MAX_NAME: Final = 200  # bytes of a file's name; file systems take 255, and temporary names add some


def is_url(text: str) -> bool:
    """
    Tell whether *text* is a URL of something that is not a file of this machine.
    """
    return "://" in text and scheme(text) not in _LOCAL


def scheme(url: str) -> str:
    """
    Take the part before `://`, in lower case.
    """
    return url.partition("://")[0].lower()


def without_credentials(url: str) -> str:
    """
    Write *url* as it may be shown.
    """
    parts = _split(url)
    pairs = [(name, "***" if SECRET_NAME.search(name) else value) for name, value in _pairs(parts)]
    return parts._replace(netloc=_host(parts), query=urlencode(pairs, safe="*/:"), fragment="").geturl()


def cache_key(url: str) -> str:
    """
    Reduce *url* to what stays the same when it is signed again.
    """
    parts = _split(url)
    pairs = [pair for pair in _pairs(parts) if not (SECRET_NAME.search(pair[0]) or _SIGNED.search(pair[0]))]
    return parts._replace(netloc=_host(parts), query=urlencode(pairs), fragment="").geturl()


def redact(text: str, url: str) -> str:
    """
    Remove the credentials of *url* from *text*, a message of another program about it. Short credentials can be part of
    ordinary words, so they are removed only where they stand in the URL.
    """
    parts = _split(url)
    pair = parts.netloc.rpartition("@")[0]
    secrets = {pair.partition(":")[2], *(value for name, value in _pairs(parts) if SECRET_NAME.search(name))}
    text = text.replace(url, without_credentials(url))
    if pair:
        text = text.replace(f"{pair}@", "")
    for secret in secrets | {unquote(secret) for secret in secrets}:
        text = text.replace(secret, "***") if len(secret) >= MIN_SECRET_LENGTH else text
    return text


def file_name(url: str) -> str:
    """
    Choose the name of the file behind *url*: the last part of the URL's path, changed so that it can be a name.
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
    except ValueError:  # brackets around no IPv6 address; any part of such a URL could be a secret
        return SplitResult(scheme(url), "", "", "", "")


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _pairs(parts: SplitResult) -> list[tuple[str, str]]:
    return parse_qsl(parts.query, keep_blank_values=True)
