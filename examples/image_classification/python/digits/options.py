"""
The service's `model_config`: `{"top_k": 3, "invert": "auto"}`, both keys optional.

Anything else is a mistake, told with the key, what was found and what is expected: a misspelt key that is ignored would
cost its author hours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

CLASSES = 10
Invert = Literal["auto", True, False]


@dataclass(frozen=True)
class Options:
    """
    `top_k`: how many classes are told in order. `invert`: whether the digit is dark on light paper.
    """

    top_k: int = 3
    invert: Invert = "auto"

    def __post_init__(self) -> None:
        if type(self.top_k) is not int or not 1 <= self.top_k <= CLASSES:  # True is an int, too
            raise wrong(f"top_k: found {json.dumps(self.top_k)}", f"a whole number from 1 to {CLASSES}")
        if self.invert != "auto" and not isinstance(self.invert, bool):
            raise wrong(f"invert: found {json.dumps(self.invert)}", '"auto", true or false')


def parse(text: str) -> Options:
    """
    Read a `model_config`; an empty one asks for the defaults. A ValueError says what is wrong.
    """
    if not text:
        return Options()
    try:
        config = json.loads(text)
    except ValueError as error:
        raise wrong(f"found {text:.80}, which is no JSON", 'a JSON object, such as {"top_k": 3}') from error
    if not isinstance(config, dict):
        raise wrong(f"found {json.dumps(config):.80}", 'a JSON object, such as {"top_k": 3}')
    for key in config:
        if key not in ("top_k", "invert"):
            raise wrong(f"{key}: there is no such key", "top_k or invert")
    return Options(**config)


def wrong(found: str, expected: str) -> ValueError:
    return ValueError(f"model_config: {found}; expected {expected}")
