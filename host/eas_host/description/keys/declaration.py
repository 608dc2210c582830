"""
How a key of a description is declared.

A definition is a pydantic model, and each of its fields is one documented key. It has a description, which editors
show, and a `KeyDeclaration` with what the reader needs to know beyond the type. Both the JSON Schema and the reader use
these declarations. pydantic was chosen over msgspec, since it reports all errors at once, with their paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

HARMLESS_VALUES: Final[tuple[Any, ...]] = (None, "", False, 0, "false", "False", [], {})
"""Values with which a key requests nothing; so it makes no difference that an unsupported key is ignored."""


CLOUD_ONLY: Final = "x-cloud-only"
"""Marks keys in the schema that have no effect here."""


class Definition(BaseModel):
    """
    The base class of all definitions. pydantic itself requires no field, so that the rest of an incomplete description
    is checked, too.
    """

    model_config = ConfigDict(protected_namespaces=(), frozen=True, extra="ignore", regex_engine="python-re")


@dataclass(frozen=True)
class KeyDeclaration:
    """
    What the reader needs to know of one key.

    Attributes:
        aliases: its other spellings, in full, such as `rpc.keepalive`.
        option: the field of `HostConfig` that it sets.
        ignored_reason: why it has no effect here; empty for a key that has one.
        usual: of an ignored key: each description for EAS has it, so a start does not note that it has no effect.
        harmless_values: further values with which an ignored key requests nothing, such as EAS's default.
        required: whether a description without it is wrong.
        accepts_mapping: whether an object of names and values may replace a list of `{"name", "value"}`.
        keeps_blank: whether an empty text is a value, and not the same as no value.
        examples: values that editors offer.
    """

    aliases: tuple[str, ...] = ()
    option: str = ""
    ignored_reason: str = ""
    usual: bool = False
    harmless_values: tuple[Any, ...] = ()
    required: bool = False
    accepts_mapping: bool = False
    keeps_blank: bool = False
    examples: tuple[Any, ...] = ()

    def __call__(self, schema: dict[str, Any]) -> None:
        """
        Complete the JSON Schema of this key; pydantic calls it.
        """
        if self.ignored_reason:
            schema["description"] += f" Without effect in eas-host: {self.ignored_reason}."
            schema[CLOUD_ONLY] = True
        if self.examples:
            schema["examples"] = list(self.examples)
        if self.accepts_mapping:
            schema["anyOf"] = [
                {"type": "array", "items": schema.pop("items")},
                {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
            ]
            schema.pop("type")


def key(description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401  as `Field` itself
    """
    Declare a key with a single value.

    Args:
        description: the text that editors show.
        name: the name of the key, if it is not that of the field.
        more: for `KeyDeclaration`.
    """
    return Field(default=None, alias=name, description=description, json_schema_extra=KeyDeclaration(**more))


def object_list(description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401  as `Field` itself
    """
    Declare a key that holds a list of objects, with the arguments of `key`.
    """
    return Field(default_factory=list, alias=name, description=description, json_schema_extra=KeyDeclaration(**more))


def section(kind: type[Definition], description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401
    """
    Declare an object of *kind*, with the arguments of `key`. Its keys may also be dotted: they follow the name of the
    section, or one of its aliases, and a dot.
    """
    return Field(default_factory=kind, alias=name, description=description, json_schema_extra=KeyDeclaration(**more))


def unsupported(reason: str, description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401  the same
    """
    Declare a key that EAS supports and this host does not, for the *reason*.
    """
    return key(description, name, ignored_reason=reason, **more)


def declaration_of(field: Any) -> KeyDeclaration:  # noqa: ANN401  a FieldInfo, whose extra may be anything
    """
    The declaration of *field*, which is a field of a definition.
    """
    declared = field.json_schema_extra
    return declared if isinstance(declared, KeyDeclaration) else KeyDeclaration()
