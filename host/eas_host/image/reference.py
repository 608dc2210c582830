"""
Names of images, as registries and tools take them: `registry.example.com:5000/team/scorer:1`
(github.com/distribution/reference).
"""

from __future__ import annotations

import re
from typing import Final

_HOST: Final = r"(?:localhost(?::\d+)?|[a-zA-Z0-9.-]+:\d+|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+(?::\d+)?)"
"""What stands before the first slash is a registry only if it looks like one, and else a part of the path."""
_PART: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_NAME: Final = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::{_TAG})?")
_DIGEST: Final = r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE: Final = re.compile(rf"{_NAME.pattern}(?:@{_DIGEST})?")


def is_name(text: str) -> bool:
    """
    Tell whether an image can be given the name *text*, with a tag or without.
    """
    return _NAME.fullmatch(text) is not None


def is_reference(text: str) -> bool:
    """
    Tell whether *text* can stand for an image that there is: its name, maybe with a digest behind it, or its identity.
    """
    return _REFERENCE.fullmatch(text) is not None
