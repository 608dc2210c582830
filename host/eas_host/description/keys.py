"""
How a key of a description is declared.

A definition is a pydantic model, and each of its fields one documented key: with a description that editors show, and
a `Key` that tells what the reader must know beyond the type. The JSON Schema and the reader both come from these
declarations; pydantic was taken over msgspec since it reports all that is wrong at once, and knows where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

SETTLED: Final[tuple[Any, ...]] = (None, "", False, 0, "false", "False", [], {})
"""Values of an ignored key that ask for nothing, so that nothing is lost when they are ignored."""


class Definition(BaseModel):
    """
    Superclass of all definitions. No field is required by pydantic itself: the rest of an incomplete description is
    checked, too.
    """

    model_config = ConfigDict(protected_namespaces=(), frozen=True, extra="ignore", regex_engine="python-re")


@dataclass(frozen=True)
class Key:
    """
    What the reader knows of one key.

    Attributes:
        aliases: other writings of it, in full, such as `rpc.keepalive`.
        option: the field of `HostConfig` that it settles.
        ignored: why it has no effect here; empty where it has one.
        usual: further values of an ignored key that ask for nothing.
        required: whether it must be there.
        pairs: whether an object of names and values stands for a list of `{"name", "value"}`.
        keeps_blank: whether an empty text is a value, and not the same as no value.
    """

    aliases: tuple[str, ...] = ()
    option: str = ""
    ignored: str = ""
    usual: tuple[Any, ...] = ()
    required: bool = False
    pairs: bool = False
    keeps_blank: bool = False

    def __call__(self, schema: dict[str, Any]) -> None:
        """
        Complete the JSON Schema of this key; pydantic calls it.
        """
        if self.ignored:
            schema["description"] += f" Without effect in eas-host: {self.ignored}."
        if self.pairs:
            schema["anyOf"] = [
                {"type": "array", "items": schema.pop("items")},
                {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
            ]
            schema.pop("type")


def key(description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401  as `Field` itself
    """
    Declare a key with the *description* that editors show. *name* is needed where it cannot be the field's; the rest
    is for `Key`.
    """
    return Field(default=None, alias=name, description=description, json_schema_extra=Key(**more))


def listed(description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401  as `Field` itself
    """
    Declare a key that holds a list of objects, with the arguments of `key`.
    """
    return Field(default_factory=list, alias=name, description=description, json_schema_extra=Key(**more))


def section(kind: type[Definition], description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401
    """
    Declare an object whose keys may also be written dotted, behind its own name or one of its aliases. The arguments
    are those of `key`.
    """
    return Field(default_factory=kind, alias=name, description=description, json_schema_extra=Key(**more))


def ignored(reason: str, description: str, name: str | None = None, **more: Any) -> Any:  # noqa: ANN401  the same
    """
    Declare a key that EAS honours and this host cannot, for the *reason*.
    """
    return key(description, name, ignored=reason, **more)


def key_of(field: Any) -> Key:  # noqa: ANN401  a FieldInfo, whose extra may be anything
    """
    What was declared for *field*.
    """
    declared = field.json_schema_extra
    return declared if isinstance(declared, Key) else Key()
