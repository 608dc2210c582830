"""
JSON as people write it: read with comments and trailing commas, and with a word on everything else.

Strategy: the grammar is wider than JSON. What users often get wrong (text in single quotes, `True`, a key without
quotes, a missing comma) is read, too, noted as a mistake and gone on from, so that one look shows them all. What not
even the wider grammar has ends the reading; syntax.py says in human words what was found and what is expected there.

What is harmless (comments, trailing commas, a tab within a text, a byte order mark) is accepted, and each kind of it
noted once: EAS's own samples have comments and such commas (docs/eas-compatibility.md, section 7.1).

The terminals behind `_never` are what no JSON has: they stand in a rule, which nothing can begin, so that lark makes
tokens of them.

lark calls the methods of `_Builder` while it parses and keeps its own stack, so nothing here recurses.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Final, cast

from lark import Lark, Token, Transformer, UnexpectedToken, v_args

from eas_host.description.mistakes import Mistakes, shortened, shown
from eas_host.description.nodes import MAX_DEPTH, Array, Member, Node, Object, Place, Scalar
from eas_host.description.syntax import expected_by

_GRAMMAR: Final = r"""
start: _value | _never
_never: NEVER OPEN_TEXT OPEN_COMMENT OTHER

_value: text | single | word | object | array
text: TEXT
single: SINGLE
word: WORD

object: LBRACE [_members COMMA?] RBRACE
_members: member | _members member | _members COMMA member
member: key COLON _value
key: TEXT | SINGLE | WORD

array: LSQB [_items COMMA?] RSQB
_items: _value | _items _value | _items COMMA _value

LBRACE: "{"
RBRACE: "}"
LSQB: "["
RSQB: "]"
COLON: ":"
COMMA: ","
TEXT: /"(?:[^"\\\r\n]|\\[^\r\n])*"/
SINGLE: /'(?:[^'\\\r\n]|\\[^\r\n])*'/
WORD: /(?:[\w.+\-$~@%&*;?!|()<>^`]|\/(?![\/*])|(?<=\w):\/\/[^\s"',{}\[\]]*)+/
OPEN_TEXT.-1: /["'][^\r\n]*/
OPEN_COMMENT.-1: "/*"
COMMENT: /(?:#|\/\/)[^\r\n]*/ | /\/\*.*?\*\//s
SPACE: /\s+/
OTHER.-2: /./s
NEVER: /(?!x)x/

%ignore SPACE
%ignore COMMENT
"""

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBERLIKE: Final = re.compile(r"[+-]?\.?[0-9]")
_LITERALS: Final = {"true": True, "false": False, "null": None}
_MEANT: Final = {
    "True": "true",
    "False": "false",
    "None": "null",
    "TRUE": "true",
    "FALSE": "false",
    "undefined": "null",
}
_NO_NUMBERS: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_LONGEST_NUMBER: Final = 309
"""Digits of the largest float. Beyond it most readers of JSON see infinity."""
_ESCAPE: Final = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]|(.))')
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def parse(text: str, source: str, mistakes: Mistakes, notes: list[str]) -> Node | None:
    """
    Read the JSON *text* of the file *source*. What is wrong goes into *mistakes*, what is accepted though it is no JSON
    into *notes*.

    Returns:
        The value; None if the text cannot be read to its end.
    """
    builder = _Builder(source, mistakes, notes)
    grammar = Lark(
        _GRAMMAR,
        parser="lalr",
        lexer="basic",
        transformer=builder,
        maybe_placeholders=False,
        lexer_callbacks={
            "COMMENT": builder.comment,
            "LBRACE": builder.opening,
            "LSQB": builder.opening,
            "RBRACE": builder.closing,
            "RSQB": builder.closing,
        },
    )
    try:
        return cast("Node", grammar.parse(text))  # what `start` returns
    except UnexpectedToken as error:
        place = builder.place(error.token) if error.token.type != "$END" else builder.end(text)
        mistakes.add(place, expected_by(error))
    except _TooDeep as error:
        mistakes.add(error.place, f"nested more than {MAX_DEPTH} levels deep; expected at most that many")
        return None
    return None


class _TooDeep(Exception):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """
    Makes nodes, bottom up; the names of the methods are the grammar's.
    """

    def __init__(self, source: str, mistakes: Mistakes, notes: list[str]) -> None:
        super().__init__()
        self._source = source
        self._mistakes = mistakes
        self._notes = notes
        self._noted: set[str] = set()
        self._depth = 0

    def place(self, token: Token) -> Place:
        """
        Where *token* begins.
        """
        return Place(self._source, token.line or 1, token.column or 1)

    def end(self, text: str) -> Place:
        """
        Where *text* ends.
        """
        rest = text.rstrip()
        return Place(self._source, rest.count("\n") + 1, len(rest) - (rest.rfind("\n") + 1) + 1)

    # Called by the lexer.

    def comment(self, token: Token) -> Token:
        """
        Note the first comment.
        """
        self._note("comments are no JSON", self.place(token))
        return token

    def opening(self, token: Token) -> Token:
        """
        Count how deep *token* leads.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep(self.place(token))
        return token

    def closing(self, token: Token) -> Token:
        """
        Count the way back.
        """
        self._depth -= 1
        return token

    # Called by the parser.

    def start(self, value: Node) -> Node:
        """
        Finish.
        """
        self._report(value, secret=False)
        return value

    def text(self, token: Token) -> Scalar:
        """
        Decode a text in double quotes.
        """
        return Scalar(self.place(token), self._decode(token))

    def single(self, token: Token) -> Scalar:
        """
        Complain of a text in single quotes.
        """
        return _wrong(self.place(token), token, "is in single quotes; expected double quotes")

    def word(self, token: Token) -> Scalar:
        """
        Tell numbers and literals from what should have been in quotes.
        """
        place = self.place(token)
        if token in _LITERALS:
            return Scalar(place, _LITERALS[token])
        if _NUMBER.fullmatch(token):
            return _number(place, token)
        if token in _MEANT:
            return _wrong(place, token, f"is no JSON; expected {_MEANT[token]}")
        if _NO_NUMBERS.fullmatch(token):
            return _wrong(place, token, "is no number of JSON; expected a finite number")
        if _NUMBERLIKE.match(token):
            return _wrong(
                place, token, "is no number of JSON; expected one such as 5000 or 0.5, or text in double quotes"
            )
        return _wrong(place, token, "is not in quotes; expected text in double quotes, a number, true, false or null")

    def key(self, token: Token) -> tuple[str, Place]:
        """
        Read a key, with or without its quotes.
        """
        place = self.place(token)
        if token.type == "TEXT":
            return self._decode(token), place
        bare = token[1:-1] if token.type == "SINGLE" else str(token)
        fault = "is in single quotes" if token.type == "SINGLE" else "is not in quotes"
        self._mistakes.add(place, f"the key {shown(bare)[1:-1]} {fault}; expected {shown(bare)}")
        return bare, place

    def member(self, key: tuple[str, Place], _colon: Token, value: Node) -> Member:
        """
        Join a key and its value.
        """
        self._report(value, secret="token" in key[0])
        return Member(key[0], key[1], value)

    def object(self, brace: Token, *children: Member | Token) -> Object:
        """
        Collect the members of an object.
        """
        members = [child for child in children if isinstance(child, Member)]
        self._check_commas(children)
        return Object(self.place(brace), [member for member in members if not _is_wrong(member.value)])

    def array(self, bracket: Token, *children: Node | Token) -> Array:
        """
        Collect the items of a list.
        """
        items = [child for child in children if not isinstance(child, Token)]
        self._check_commas(children)
        for item in items:
            self._report(item, secret=False)
        return Array(self.place(bracket), [item for item in items if not _is_wrong(item)])

    def _check_commas(self, children: tuple[Member | Node | Token, ...]) -> None:
        """
        Look for a comma too few and for one too many among the *children* of an object or list.
        """
        for before, after in itertools.pairwise(children):
            if isinstance(before, Token) and isinstance(after, Token):
                self._note("a comma before } or ] is no JSON", self.place(before))
            elif not isinstance(before, Token) and not isinstance(after, Token):
                what = shown(after.key) if isinstance(after, Member) else "this value"
                self._mistakes.add(after.place, f"a comma is missing before {what}")

    def _decode(self, token: Token) -> str:
        """
        Decode *token*, a text in double quotes.
        """
        for escape in _ESCAPE.finditer(token):
            if escape[1]:
                place = Place(self._source, token.line or 1, (token.column or 1) + escape.start())
                wrong = (
                    f'\\{escape[1]} is no escape of JSON; expected \\\\ for a backslash, or one of \\n \\t \\" \\u0041'
                )
                self._mistakes.add(place, wrong)
                return ""
        text: str = json.loads(token, strict=False)
        if "\t" in token:
            self._note("a tab within a text is no JSON", self.place(token))
        if _SURROGATE.search(text):
            self._mistakes.add(
                self.place(token), "the text holds half a pair of surrogates; expected both \\u of the pair"
            )
            return ""
        return text

    def _report(self, value: Node, *, secret: bool) -> None:
        """
        Say what is wrong with *value*. Not when it is made, but once its key is known: tokens are not shown.
        """
        if isinstance(value, Scalar) and value.wrong:
            found = "this value" if secret else value.value
            self._mistakes.add(value.place, f"{found} {value.wrong}")

    def _note(self, what: str, place: Place) -> None:
        if what not in self._noted:
            self._noted.add(what)
            self._notes.append(f"{place}: {what}; accepted")


def _number(place: Place, token: str) -> Scalar:
    if token.lstrip("-").isdigit():
        return Scalar(place, int(token)) if len(token) <= _LONGEST_NUMBER else _wrong(place, token, _TOO_LARGE)
    value = float(token)
    return _wrong(place, token, _TOO_LARGE) if value in (float("inf"), float("-inf")) else Scalar(place, value)


def _wrong(place: Place, token: str, wrong: str) -> Scalar:
    return Scalar(place, shortened(token), wrong)


def _is_wrong(node: Node) -> bool:
    return isinstance(node, Scalar) and bool(node.wrong)


_TOO_LARGE: Final = "is too large a number; expected one below 1e308"
