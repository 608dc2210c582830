"""
The types of values that may be of several JSON types, such as a text or a list.
"""

from __future__ import annotations

import json
import re
from typing import Any

from eas_host.config import option_types
from eas_host.config.host import OPTIONS
from eas_host.description.keys.field_types import (
    MESSAGE,
    PATTERN_MESSAGE,
    BooleanType,
    FieldType,
    JsonSchema,
    TextType,
)

_BATCHING = OPTIONS["batching"].choices
_EXPECTED = f"true, false, {', '.join(_BATCHING[:-1])} or {_BATCHING[-1]}"


class TextOrJsonType(TextType):
    """
    `model_config`: any text, or an object, which becomes its JSON text.
    """

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {"type": ["string", "object", "array"]}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read a text, an object or a list.
        """
        if isinstance(value, (dict, list)):
            return json.dumps(value, ensure_ascii=False)
        if not isinstance(value, str):
            raise ValueError("is neither text nor an object; expected one of them")  # noqa: TRY004  pydantic expects a ValueError
        return super().read(value)


class WordsType(FieldType):
    """
    Words of a command line: a text, which is split as a shell does, or a list of words.
    """

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def read(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401  whatever JSON holds
        """
        Read the words.
        """
        return (
            option_types.shell_words(TextType().read(value))
            if isinstance(value, str)
            else tuple(map(TextType().read, _texts(value)))
        )


class CommandType(FieldType):
    """
    A command: a text for a shell, or a list of words.
    """

    keeps_text = False  # `-D` may have a list

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def read(self, value: Any) -> str | tuple[str, ...]:  # noqa: ANN401  whatever JSON holds
        """
        Read the text or the words, unchanged.
        """
        return TextType().read(value).strip() if isinstance(value, str) else tuple(map(TextType().read, _texts(value)))


class LinesType(FieldType):
    """
    Lines of a requirements.txt: the whole text, or a list of lines. Empty lines and comments are left out.
    """

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {"type": ["string", "array"], "items": {"type": "string"}}

    def read(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401  whatever JSON holds
        """
        Read the lines.
        """
        texts = value.splitlines() if isinstance(value, str) else _texts(value)
        lines = [TextType().read(text).strip() for text in texts]
        return tuple(line for line in lines if line and not line.startswith("#"))


class VariableNameType(TextType):
    """
    The name of an environment variable.
    """

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {
            "type": "string",
            "pattern": "^[^=]+$",
            PATTERN_MESSAGE: "expected the name of a variable, such as LOG_LEVEL, without =",
            "examples": ["LOG_LEVEL"],
        }

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read a name.
        """
        name = super().read(value)
        if not re.fullmatch(r"[^=\s]+", name):
            raise ValueError("is not the name of a variable; expected one such as LOG_LEVEL, without = and space")
        return name


class VariableValueType(FieldType):
    """
    The value of an environment variable: text, or a number or boolean, which becomes its JSON text. It may be a
    password.
    """

    secret = True

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {"type": ["string", "number", "boolean", "null"]}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read a value as text.
        """
        if isinstance(value, (dict, list)):
            raise ValueError("is not a text; expected text in double quotes")  # noqa: TRY004  pydantic expects a ValueError
        return TextType().read("" if value is None else value if isinstance(value, str) else json.dumps(value))


def _texts(value: Any) -> list[Any]:  # noqa: ANN401  whatever JSON holds
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is neither text nor a list of texts; expected one of them")
    return value


class BatchingType(BooleanType):
    """
    Whether there are batches: true or false, as EAS has it, or one of the values of --batching.
    """

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        texts = {"enum": list(_BATCHING)}
        return {"anyOf": [*super().json_schema()["anyOf"], texts], MESSAGE: f"expected {_EXPECTED}"}

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Read the value of --batching.
        """
        word = value.strip().lower() if isinstance(value, str) else value
        if word in _BATCHING:
            return word
        try:
            return "adaptive" if super().read(word) else "off"
        except ValueError:
            raise ValueError(f"is no way of batching; expected {_EXPECTED}") from None
