"""
Kinds of values: how each is read from JSON, what is expected where it cannot be, and how a JSON Schema says the same.

A kind annotates a field of a definition, and pydantic calls it. Numbers and booleans are accepted as text, too, since
EAS's samples write them so (docs/eas-compatibility.md, section 7.1) and `-D` gives nothing else. What an option of
the host means is read by that option's own reader, so no bound is spelled twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from eas_host.config import HostConfig, option_types
from eas_host.config.host import Option
from eas_host.description.mistakes import shown

Json = dict[str, Any]

OPTIONS: Final[dict[str, Option]] = {
    field.name: field.metadata["option"] for field in fields(HostConfig) if "option" in field.metadata
}
"""The host's options, by the names of their fields."""

_BOOLEANS: Final = {"true": True, "false": False}


class Kind:
    """
    A kind of value. *textual* ones take what `-D` gives as it is; the value of a *secret* one is never shown.
    """

    textual = True
    secret = False

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": "string"}

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Make *value* what the rest of the program expects.

        Raises:
            ValueError: with a text such as "is no number; expected a number", that is to follow the value.
        """
        raise NotImplementedError

    def _validate(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        try:
            return self.read(value)
        except ValueError as error:
            found = "this value" if self.secret else shown(value)
            raise PydanticCustomError("wrong", "{text}", {"text": f"{found} {error}"}) from error

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return self.schema()


class Text(Kind):
    """
    A text; *what* it is, for messages.
    """

    def __init__(self, what: str = "text in double quotes") -> None:
        self._what = what

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Take a text that a C string and a path can carry.
        """
        if not isinstance(value, str):
            raise ValueError(f"is no text; expected {self._what}")  # noqa: TRY004  pydantic wants this one
        if "\0" in value:
            raise ValueError("holds a NUL character, which C strings cannot carry; expected text without one")
        return value


class Segment(Text):
    """
    A name that is one segment of a URL's path.
    """

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": "string", "pattern": r"^[^/\u0000-\u001f\u007f]*$", "not": {"enum": [".", ".."]}}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Take a name.
        """
        name = super().read(value)
        if "/" in name or name in (".", "..") or not name.isprintable() or name != name.strip():
            raise ValueError("cannot be a part of a URL; expected a name such as my_service, without a slash")
        return name


class Choice(Text):
    """
    One of a few *words*, in whatever case.
    """

    def __init__(self, *words: str) -> None:
        super().__init__()
        self._words = words

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": "string", "enum": [*self._words, ""]}

    def read(self, value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        """
        Take one of the words.
        """
        word = value.strip().lower() if isinstance(value, str) else value
        if word not in self._words:
            raise ValueError(f"is unknown; expected {', '.join(self._words[:-1])} or {self._words[-1]}")
        return str(word)


class Flag(Kind):
    """
    true or false, or the same as text.
    """

    textual = False

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"enum": [True, False, "true", "false", "True", "False", ""]}

    def read(self, value: Any) -> bool:  # noqa: ANN401  whatever JSON holds
        """
        Take a boolean.
        """
        word = value.strip().lower() if isinstance(value, str) else value
        if isinstance(word, str):
            word = _BOOLEANS.get(word)
        if not isinstance(word, bool):
            raise ValueError("is neither true nor false; expected one of them")  # noqa: TRY004  pydantic wants this one
        return word


class Number(Kind):
    """
    A number that is the host's *option*: in words a number of *unit*, such as *example*.
    """

    textual = False

    def __init__(self, option: str, unit: str, example: int) -> None:
        self._read = OPTIONS[option].read
        self._unit = unit
        self._example = example

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        whole = hasattr(self._read, "low")
        return {
            "type": ["integer" if whole else "number", "string"],
            "minimum": getattr(self._read, "low", 0),
            "maximum": getattr(self._read, "high", option_types.INT_MAX),
            "pattern": r"^\s*[0-9]*\s*$" if whole else r"^\s*[0-9]*\.?[0-9]*\s*$",
        }

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Take a number within the option's bounds.
        """
        text = _number_text(value)
        try:
            return self._read(text)
        except ValueError as error:
            fault = "does not fit" if _is_number(text) else f"is no number of {self._unit}"
            example = "" if "such as" in str(error) else f", such as {self._example}"
            raise ValueError(f"{fault}; {error}{example}") from error


class Setting(Text):
    """
    A text that *reader* makes a value of.
    """

    def __init__(self, reader: Callable[[str], Any], *, secret: bool = False, words: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._reader = reader
        self.secret = secret
        self._words = words

    def schema(self) -> Json:
        """
        The same as a JSON Schema.
        """
        return {"type": "string", "enum": [*self._words, ""]} if self._words else super().schema()

    def read(self, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """
        Take a text that the reader takes.
        """
        text = super().read(value)
        try:
            return self._reader(text)
        except ValueError as error:
            raise ValueError(f"does not fit; {error}") from error


def _number_text(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    Write *value* as the command line would give it; what is no number as a text that is none.
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
