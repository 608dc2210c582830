"""
Kinds of values that JSON may give in several forms, of which one is kept.
"""

from __future__ import annotations

import json
import re
from typing import Any

from eas_host.config import option_types
from eas_host.description.kinds import Json, Kind, Text


class Config(Text):
    """
    `model_config`: any text, or an object, which becomes its JSON text.
    """

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": ["string", "object", "array"]}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Take a text, an object or a list.
        """
        if isinstance(value, (dict, list)):
            return json.dumps(value, ensure_ascii=False)
        if not isinstance(value, str):
            raise ValueError("is neither text nor an object; expected one of them")  # noqa: TRY004  pydantic's way
        return super().read(value)


class Words(Kind):
    """
    Words of a command line: one text, split as a shell does, or a list of them.
    """

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def read(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401  whatever JSON holds
        """
        Take the words.
        """
        return (
            option_types.shell_words(Text().read(value))
            if isinstance(value, str)
            else tuple(map(Text().read, _listed(value)))
        )


class Command(Kind):
    """
    A command: a text for a shell, or a list of words.
    """

    textual = False  # `-D` may give a list

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def read(self, value: Any) -> str | tuple[str, ...]:  # noqa: ANN401  whatever JSON holds
        """
        Take the text or the words as they are.
        """
        return Text().read(value).strip() if isinstance(value, str) else tuple(map(Text().read, _listed(value)))


class Lines(Kind):
    """
    Lines of a requirements.txt: the whole text, or a list of them. Empty ones and comments are left out.
    """

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def read(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401  whatever JSON holds
        """
        Take the lines.
        """
        texts = value.splitlines() if isinstance(value, str) else _listed(value)
        lines = [Text().read(text).strip() for text in texts]
        return tuple(line for line in lines if line and not line.startswith("#"))


class VariableName(Text):
    """
    The name of an environment variable.
    """

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": "string", "pattern": "^[^=]+$"}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Take a name that an environment can hold.
        """
        name = super().read(value)
        if not re.fullmatch(r"[^=\s]+", name):
            raise ValueError("is no name of a variable; expected one such as LOG_LEVEL, without = and space")
        return name


class VariableValue(Kind):
    """
    The value of an environment variable: text, or a number or boolean as its JSON text. It may be a password.
    """

    secret = True

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": ["string", "number", "boolean", "null"]}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Take a value that an environment can hold.
        """
        if isinstance(value, (dict, list)):
            raise ValueError("is no text; expected text in double quotes")  # noqa: TRY004  pydantic's way
        return Text().read("" if value is None else value if isinstance(value, str) else json.dumps(value))


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  whatever JSON holds
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is neither text nor a list of texts; expected one of them")
    return value
