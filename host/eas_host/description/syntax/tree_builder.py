"""
Builds the JSON tree while lark parses.

lark calls a method for each token that the lexer finds, and for each rule of the grammar that matches, from the inside
out. Values that are not JSON get a `fault`. It is reported once the key of the value is known, since a message must not
show a token.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Final

from lark import Token, Transformer, v_args

from eas_host.description.diagnostics.errors import Errors
from eas_host.description.diagnostics.source_position import SourcePosition
from eas_host.description.diagnostics.wording import format_value, truncate
from eas_host.description.syntax.json_tree import MAX_DEPTH, JsonArray, JsonMember, JsonNode, JsonObject, JsonScalar

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LOOKS_LIKE_NUMBER: Final = re.compile(r"[+-]?\.?[0-9]")
_LITERALS: Final = {"true": True, "false": False, "null": None}
_MISSPELT_LITERALS: Final = {
    "True": "true",
    "False": "false",
    "None": "null",
    "TRUE": "true",
    "FALSE": "false",
    "undefined": "null",
}
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_MAX_DIGITS: Final = 309
"""Digits of the largest float. Most parsers of JSON read a larger number as infinity."""
_ESCAPE: Final = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]|(.))')
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_TOO_LARGE: Final = "is too large a number; expected one below 1e308"


class TooDeeplyNested(Exception):
    """
    The text has more levels than `MAX_DEPTH`.
    """

    def __init__(self, position: SourcePosition) -> None:
        super().__init__(position)
        self.position = position


@v_args(inline=True)
class TreeBuilder(Transformer[Token, JsonNode]):
    """
    Builds nodes from tokens. The methods behind `Called by the parser` have the names of the grammar's rules.
    """

    def __init__(self, source: str, errors: Errors, notes: list[str]) -> None:
        super().__init__()
        self._source = source
        self._errors = errors
        self._notes = notes
        self._noted: set[str] = set()
        self._depth = 0

    def position(self, token: Token) -> SourcePosition:
        """
        The position where *token* begins.
        """
        return SourcePosition(self._source, token.line or 1, token.column or 1)

    def end(self, text: str) -> SourcePosition:
        """
        The position where *text* ends.
        """
        rest = text.rstrip()
        return SourcePosition(self._source, rest.count("\n") + 1, len(rest) - (rest.rfind("\n") + 1) + 1)

    # Called by the lexer.

    def comment(self, token: Token) -> Token:
        """
        Note that the text has comments, once.
        """
        self._note("comments are not JSON", self.position(token))
        return token

    def opening(self, token: Token) -> Token:
        """
        Enter an object or a list.

        Raises:
            TooDeeplyNested: it has too many others around it.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeeplyNested(self.position(token))
        return token

    def closing(self, token: Token) -> Token:
        """
        Leave an object or a list.
        """
        self._depth -= 1
        return token

    # Called by the parser.

    def start(self, value: JsonNode) -> JsonNode:
        """
        Report a fault of the whole value, which has no key.
        """
        self._report(value, secret=False)
        return value

    def text(self, token: Token) -> JsonScalar:
        """
        Decode a text in double quotes.
        """
        return JsonScalar(self.position(token), self._decode(token))

    def single(self, token: Token) -> JsonScalar:
        """
        Accept a text in single quotes, with a fault.
        """
        return _faulty(self.position(token), token, "is in single quotes; expected double quotes")

    def word(self, token: Token) -> JsonScalar:
        """
        Convert a word without quotes: a number, true, false or null; anything else has a fault.
        """
        position = self.position(token)
        if token in _LITERALS:
            return JsonScalar(position, _LITERALS[token])
        if _NUMBER.fullmatch(token):
            return _number(position, token)
        if token in _MISSPELT_LITERALS:
            return _faulty(position, token, f"is not JSON; expected {_MISSPELT_LITERALS[token]}")
        if _NOT_FINITE.fullmatch(token):
            return _faulty(position, token, "is not a JSON number; expected a finite number")
        if _LOOKS_LIKE_NUMBER.match(token):
            return _faulty(
                position, token, "is not a JSON number; expected one such as 5000 or 0.5, or text in double quotes"
            )
        return _faulty(
            position, token, "is not in quotes; expected text in double quotes, a number, true, false or null"
        )

    def key(self, token: Token) -> tuple[str, SourcePosition]:
        """
        Read a key, with or without its quotes.
        """
        position = self.position(token)
        if token.type == "TEXT":
            return self._decode(token), position
        bare = token[1:-1] if token.type == "SINGLE" else str(token)
        fault = "is in single quotes" if token.type == "SINGLE" else "is not in quotes"
        self._errors.add(position, f"the key {format_value(bare)[1:-1]} {fault}; expected {format_value(bare)}")
        return bare, position

    def member(self, key: tuple[str, SourcePosition], _colon: Token, value: JsonNode) -> JsonMember:
        """
        Build a member, and report the fault of its value.
        """
        self._report(value, secret="token" in key[0])
        return JsonMember(key[0], key[1], value)

    def object(self, brace: Token, *children: JsonMember | Token) -> JsonObject:
        """
        Build an object of the members that have no fault.
        """
        members = [child for child in children if isinstance(child, JsonMember)]
        self._check_commas(children)
        return JsonObject(self.position(brace), [member for member in members if not _has_fault(member.value)])

    def array(self, bracket: Token, *children: JsonNode | Token) -> JsonArray:
        """
        Build a list of the items that have no fault, and report the faults of the others.
        """
        items = [child for child in children if not isinstance(child, Token)]
        self._check_commas(children)
        for item in items:
            self._report(item, secret=False)
        return JsonArray(self.position(bracket), [item for item in items if not _has_fault(item)])

    def _check_commas(self, children: tuple[JsonMember | JsonNode | Token, ...]) -> None:
        """
        Report missing commas among the *children* of an object or list, and note a trailing one.
        """
        for before, after in itertools.pairwise(children):
            if isinstance(before, Token) and isinstance(after, Token):
                self._note("a comma before } or ] is not JSON", self.position(before))
            elif not isinstance(before, Token) and not isinstance(after, Token):
                what = format_value(after.key) if isinstance(after, JsonMember) else "this value"
                self._errors.add(after.position, f"a comma is missing before {what}")

    def _decode(self, token: Token) -> str:
        """
        Decode *token*, a text in double quotes. If that is not possible, report it and return an empty text.
        """
        for escape in _ESCAPE.finditer(token):
            if escape[1]:
                position = SourcePosition(self._source, token.line or 1, (token.column or 1) + escape.start())
                message = (
                    f'\\{escape[1]} is not a JSON escape; expected \\\\ for a backslash, or one of \\n \\t \\" \\u0041'
                )
                self._errors.add(position, message)
                return ""
        text: str = json.loads(token, strict=False)
        if "\t" in token:
            self._note("a tab within a text is not JSON", self.position(token))
        if _SURROGATE.search(text):
            self._errors.add(
                self.position(token), "the text has one half of a surrogate pair; expected both \\u of the pair"
            )
            return ""
        return text

    def _report(self, value: JsonNode, *, secret: bool) -> None:
        """
        Report the fault of *value*, if it has one; the value of a *secret* key is not shown.
        """
        if isinstance(value, JsonScalar) and value.fault:
            found = "this value" if secret else value.value
            self._errors.add(value.position, f"{found} {value.fault}")

    def _note(self, what: str, position: SourcePosition) -> None:
        if what not in self._noted:
            self._noted.add(what)
            self._notes.append(f"{position}: {what}; accepted")


def _number(position: SourcePosition, token: str) -> JsonScalar:
    if token.lstrip("-").isdigit():
        return JsonScalar(position, int(token)) if len(token) <= _MAX_DIGITS else _faulty(position, token, _TOO_LARGE)
    value = float(token)
    return (
        _faulty(position, token, _TOO_LARGE) if value in (float("inf"), float("-inf")) else JsonScalar(position, value)
    )


def _faulty(position: SourcePosition, token: str, fault: str) -> JsonScalar:
    return JsonScalar(position, truncate(token), fault)


def _has_fault(node: JsonNode) -> bool:
    return isinstance(node, JsonScalar) and bool(node.fault)
