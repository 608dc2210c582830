"""
A parser for JSON as people write it.

Strategy: the grammar is wider than JSON. It includes what users often get wrong (text in single quotes, `True`, a key
without quotes, a missing comma); such a fault is reported and parsing continues, so one run shows all faults. Text that
does not even match the wider grammar ends the parsing; syntax_errors.py then says what was found and what is expected.

Harmless faults (comments, trailing commas, a tab within a text, a byte order mark) are accepted, with one note for each
kind: EAS's own samples have comments and such commas (docs/eas-compatibility.md, section 7.1).

The terminals behind `_never` never occur in JSON. lark only makes tokens of terminals that a rule uses; the rule
`_never` uses them and can never match, since it begins with `NEVER`.

lark calls the methods of `TreeBuilder` while it parses and keeps a stack of its own, so nothing here recurses.
"""

from __future__ import annotations

from typing import Final, cast

from lark import Lark, UnexpectedToken

from eas_host.description.diagnostics.errors import Errors
from eas_host.description.syntax.json_tree import MAX_DEPTH, JsonNode
from eas_host.description.syntax.syntax_errors import describe_error
from eas_host.description.syntax.tree_builder import TooDeeplyNested, TreeBuilder

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


def parse(text: str, source: str, errors: Errors, notes: list[str]) -> JsonNode | None:
    """
    Parse the JSON *text* of the file *source*. Faults are added to *errors*, and harmless ones to *notes*.

    Returns:
        The value; None if the text cannot be parsed to its end.
    """
    builder = TreeBuilder(source, errors, notes)
    parser = Lark(
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
        return cast("JsonNode", parser.parse(text))  # what `TreeBuilder.start` returns
    except UnexpectedToken as error:
        position = builder.position(error.token) if error.token.type != "$END" else builder.end(text)
        errors.add(position, describe_error(error))
    except TooDeeplyNested as error:
        errors.add(error.position, f"nested more than {MAX_DEPTH} levels deep; expected at most that many")
    return None
