"""
Objects as YAML, without a library: what Kubernetes needs is a small part of it.

Mappings and lists are in block style, a text of several lines is a literal block where it can be one, and any other
text is quoted unless every reader takes it for a text: what YAML 1.1 reads as something else is quoted, such as `no`,
`on`, `1e3`, `0x10`, `12:30:45` and `2026-01-31`. Quoted, a text has JSON's form, which is YAML's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*", re.ASCII)
"""Begins with no digit, sign, dot or indicator, so that it is no number and no date, and has no `: ` and no ` #`."""
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1 takes for a boolean or for nothing, in lower case."""
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONGEST_KEY: Final = 1024
"""Characters of a key before its colon (YAML 1.1, section 8.2); a longer one would have to be written otherwise."""


def write_documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """
    Write the *objects* as a stream of documents. Their order, and that of their keys, is kept.
    """
    return "---\n".join("".join(f"{line}\n" for line in _block(one)) for one in objects)


def _block(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    """
    The lines of a mapping or a list that is not empty.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            shown = _text(key)
            if len(shown) > _LONGEST_KEY:
                raise ValueError(f"a key of {len(shown)} characters; YAML reads {_LONGEST_KEY}")
            yield from _member(f"{shown}:", item)
        return
    for item in value:
        lines = list(_block(item)) if _has_block(item) else [""]
        if lines == [""]:
            yield from _member("-", item)
        else:
            yield from (f"{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines))


def _member(before: str, value: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    if _has_block(value):
        yield before
        indent = "" if isinstance(value, (list, tuple)) else "  "
        yield from (f"{indent}{line}" for line in _block(value))
    elif isinstance(value, str) and _is_literal(value):
        yield f"{before} |"
        yield from (f"  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{before} {_scalar(value)}"


def _has_block(value: Any) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, (Mapping, list, tuple)) and len(value) > 0


def _scalar(value: Any) -> str:  # noqa: ANN401  any JSON
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (Mapping, list, tuple)):
        return "{}" if isinstance(value, Mapping) else "[]"
    raise TypeError(f"{type(value)} has no form in a manifest")


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def _is_literal(text: str) -> bool:
    """
    Whether *text* has several lines, ends with one end of a line, and comes back unchanged from a literal block: its
    first line says how far all are indented, and only printable characters may stand there.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) == 1 or not text.endswith("\n") or not lines[0].strip() or not lines[-1].strip():
        return False
    return not lines[0].startswith(" ") and all(line.isprintable() for line in lines)
