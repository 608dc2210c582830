"""
`Record`: a frozen dataclass, for a Python that has none (3.6), and made in a tenth of the time where there are some.
Each worker needs some twenty of them at its start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):  # noqa: ANN003, ANN201, D103  it speaks to type checkers alone
        return lambda decorated: decorated


@dataclass_transform(frozen_default=True)
class Record:
    """
    The annotated names of a subclass are its fields, as in a dataclass.
    """

    def __init_subclass__(cls) -> None:
        cls.fields = dict(getattr(cls, "__annotations__", {}))  # type: ignore[attr-defined]  # no field itself

    def __init__(self, *values: object, **named: object) -> None:
        fields = fields_of(type(self))
        given = dict(zip(fields, values), **named)
        missing = [name for name in fields if name not in given and not hasattr(self, name)]
        unknown = [name for name in given if name not in fields]
        if missing or unknown:
            raise TypeError(f"missing: {', '.join(missing) or '-'}; unknown: {', '.join(unknown) or '-'}")
        vars(self).update({name: given[name] if name in given else getattr(self, name) for name in fields})

    def replace(self, **changes: Any) -> "Self":  # noqa: ANN401  as the fields are
        """
        Make a copy with these fields changed.
        """
        return type(self)(**dict(vars(self), **changes))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def fields_of(kind: "type[Record]") -> "dict[str, Any]":
    """
    Return the names of the fields of *kind*, each with its type as it is written: a class, or a text.
    """
    fields: dict[str, Any] = kind.fields  # type: ignore[attr-defined]  # no field itself
    return fields
