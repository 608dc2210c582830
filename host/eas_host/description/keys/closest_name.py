"""
Which known name a misspelt name was probably meant to be.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Final

_CUTOFF: Final = 0.7
"""Finds candidates only, since difflib also calls long names similar that only begin alike; `_edits` decides."""
_SHORT: Final = 8
"""A misspelt name has one wrong letter if it is shorter than this, else up to two; with more, it is another name."""


def closest_name(word: str, names: Collection[str]) -> str | None:
    """
    The one of *names* that *word* is probably a misspelling of; None if there is none.
    """
    by_normalized = {_normalize(name): name for name in sorted(names)}
    wrong = _normalize(word)
    for candidate in difflib.get_close_matches(wrong, by_normalized, 3, _CUTOFF):
        if _edits(wrong, candidate) <= (1 if len(candidate) < _SHORT else 2):
            return by_normalized[candidate]
    anagrams = [name for name in by_normalized if sorted(name) == sorted(wrong)]  # rcp for rpc
    return by_normalized[anagrams[0]] if anagrams and wrong else None


def _normalize(name: str) -> str:
    """
    The form in which names are compared: `modelPath` and `model-path` equal `model_path`.
    """
    return name.lower().replace("_", "").replace("-", "")


def _edits(one: str, other: str) -> int:
    steps = difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(end - start, last - first) for tag, start, end, first, last in steps if tag != "equal")
