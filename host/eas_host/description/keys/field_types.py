"""
The types of single values: how a value is read from JSON, what the message expects instead of a wrong one, and what
the JSON Schema says.

A type annotates a field of a definition; pydantic calls it. Numbers and booleans may also be texts, since EAS's samples
have such texts (docs/eas-compatibility.md, section 7.1). A value that sets an option of the host is read by the type of
that option, so no bound is spelled twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from eas_host.config import option_types
from eas_host.config.host import OPTIONS
from eas_host.description.diagnostics.wording import format_value

JsonSchema = dict[str, Any]

PATTERN_MESSAGE: Final = "patternErrorMessage"
MESSAGE: Final = "errorMessage"
NOT_OFFERED: Final = "doNotSuggest"
"""
Words of the language service for JSON that VS Code and others use: what to say instead of a pattern or of a list of
schemas, and what is accepted without being offered. Other readers of a schema ignore them.
"""

_BOOLEANS: Final = {"true": True, "false": False}


class FieldType:
    """
    The base class of all types.

    Attributes:
        keeps_text: whether a number or boolean from `-D` is kept as the text that the user typed.
        secret: whether messages do not show the value.
    """

    keeps_text = True
    secret = False

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {"type": "string"}

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Convert *value*, from JSON, to the value that the rest of the program uses.

        Raises:
            ValueError: it does not fit. Its text follows the value in the message: "is not a text; expected text".
        """
        raise NotImplementedError

    def _validate(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        try:
            return self.read(value)
        except ValueError as error:
            found = "this value" if self.secret else format_value(value)
            raise PydanticCustomError("wrong", "{text}", {"text": f"{found} {error}"}) from error

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return self.json_schema()


class TextType(FieldType):
    """
    A text.
    """

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read a text that can be a C string and a path.
        """
        if not isinstance(value, str):
            raise ValueError("is not a text; expected text in double quotes")  # noqa: TRY004  pydantic expects a ValueError
        if "\0" in value:
            raise ValueError("contains a NUL character, which C strings cannot carry; expected text without one")
        return value


class UrlSegmentType(TextType):
    """
    A name that is one segment of a URL's path.
    """

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {
            "type": "string",
            "pattern": r"^[^/\u0000-\u001f\u007f]*$",
            "not": {"enum": [".", ".."]},
            PATTERN_MESSAGE: "expected a name that can be a part of a URL, such as my_service, without a slash",
            "examples": ["my_service"],
        }

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read a name.
        """
        name = super().read(value)
        if "/" in name or name in (".", "..") or not name.isprintable() or name != name.strip():
            raise ValueError("cannot be a part of a URL; expected a name such as my_service, without a slash")
        return name


class PythonVersionType(TextType):
    """
    A version of Python 3, such as 3.6. A number is none: 3.10 would be 3.1.
    """

    _pattern: Final = r"3(\.[0-9]+){0,2}"

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return {
            "type": "string",
            "pattern": rf"^\s*({self._pattern})?\s*$",
            PATTERN_MESSAGE: 'expected a version of Python 3, such as "3.10"',
            "examples": ["3.10", "3.6"],
        }

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read a version.
        """
        if not isinstance(value, str):
            raise ValueError('is not a text; expected a version such as "3.6", in double quotes')  # noqa: TRY004  pydantic expects a ValueError
        text = value.strip()
        if not re.fullmatch(self._pattern, text, re.ASCII):
            raise ValueError('is no version of Python 3; expected one such as "3.6"; a path can be given with --python')
        return text


class ChoiceType(TextType):
    """
    One of the *choices*; upper or lower case makes no difference.
    """

    def __init__(self, *choices: str) -> None:
        super().__init__()
        self._choices = choices

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return _enumeration(self._choices)

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Read one of the choices, in lower case.
        """
        word = value.strip().lower() if isinstance(value, str) else value
        if word not in self._choices:
            raise ValueError(f"is unknown; expected {', '.join(self._choices[:-1])} or {self._choices[-1]}")
        return str(word)


class BooleanType(FieldType):
    """
    true or false, also as a text.
    """

    keeps_text = False

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        texts = {"enum": ["true", "false", "True", "False", ""], NOT_OFFERED: True}
        return {"anyOf": [{"type": "boolean"}, texts], MESSAGE: "expected true or false"}

    def read(self, value: Any) -> bool:  # noqa: ANN401  whatever JSON holds
        """
        Read a boolean.
        """
        word = value.strip().lower() if isinstance(value, str) else value
        if isinstance(word, str):
            word = _BOOLEANS.get(word)
        if not isinstance(word, bool):
            raise ValueError("is neither true nor false; expected one of them")  # noqa: TRY004  pydantic expects a ValueError
        return word


class OptionNumberType(FieldType):
    """
    A number that sets an option of the host.

    Args:
        option: the name of the option.
        unit: what the number counts, for messages.
        example: a good value, for messages.
    """

    keeps_text = False

    def __init__(self, option: str, unit: str, example: int) -> None:
        self._read = OPTIONS[option].read
        self._unit = unit
        self._example = example

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        is_integer = hasattr(self._read, "low")
        return {
            "type": ["integer" if is_integer else "number", "string"],
            "minimum": getattr(self._read, "low", 0),
            "maximum": getattr(self._read, "high", option_types.INT_MAX),
            "pattern": r"^\s*[0-9]*\s*$" if is_integer else r"^\s*[0-9]*\.?[0-9]*\s*$",
            PATTERN_MESSAGE: f"expected a number of {self._unit}, such as {self._example}",
            "examples": [self._example],
        }

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Read a number within the option's bounds.
        """
        text = _number_text(value)
        try:
            return self._read(text)
        except ValueError as error:
            fault = "does not fit" if _is_number(text) else f"is not a number of {self._unit}"
            example = "" if "such as" in str(error) else f", such as {self._example}"
            raise ValueError(f"{fault}; {error}{example}") from error


class ParsedTextType(TextType):
    """
    A text that *reader*, the type of an option, converts to a value.
    """

    def __init__(self, reader: Callable[[str], Any], *, secret: bool = False, choices: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._reader = reader
        self.secret = secret
        self._choices = choices

    def json_schema(self) -> JsonSchema:
        """
        The JSON Schema of this type.
        """
        return _enumeration(self._choices) if self._choices else super().json_schema()

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Read a text, and convert it.
        """
        text = super().read(value)
        try:
            return self._reader(text)
        except ValueError as error:
            raise ValueError(f"does not fit; {error}") from error


def _enumeration(choices: tuple[str, ...]) -> JsonSchema:
    """
    The schema of one of the *choices*. An empty text is accepted, as no value.
    """
    others = f"expected {', '.join(choices[:-1])} or {choices[-1]}"
    return {"anyOf": [{"enum": [*choices]}, {"const": "", NOT_OFFERED: True}], MESSAGE: others}


def _number_text(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    The text of *value* as on the command line; for a value of another type, a text that is not a number.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, (int, float, str)) and not isinstance(value, bool) else "none"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
