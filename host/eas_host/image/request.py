"""
The image that is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImageRequest:
    """
    The image that is wanted.

    Attributes:
        tag: its name.
        description: the file of the service that is in it; None for the host alone.
        overrides: of the description, each `KEY=VALUE`.
        base: an image with the host, on which it is built; empty to make the host.
        wheel: what the host is made of; None for this host's own version.
        words: more for the command line of the tool.
        push: whether it is pushed when it is built.
    """

    tag: str
    description: Path | None = None
    overrides: Sequence[str] = ()
    base: str = ""
    wheel: Path | None = None
    words: Sequence[str] = ()
    push: bool = False
