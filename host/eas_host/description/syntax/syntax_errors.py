"""
Messages for text that the parser cannot read.

lark reports a token that does not fit, and the types of those that would. The user needs to know what was found, what
is expected, and which brace is still open. Messages do not show texts in quotes, since one of them may be a token.
"""

from __future__ import annotations

from typing import Final

from lark import Token, UnexpectedToken

_NAMES: Final = {
    "$END": "the end of the file",
    "LBRACE": '"{"',
    "RBRACE": '"}"',
    "LSQB": '"["',
    "RSQB": '"]"',
    "COLON": '":"',
    "COMMA": '","',
    "TEXT": "a text",
    "SINGLE": "a text in single quotes",
}
_CLOSING: Final = {"LBRACE": "RBRACE", "LSQB": "RSQB"}


def describe_error(error: UnexpectedToken) -> str:
    """
    The message for *error*, without its position.
    """
    token = error.token
    if token.type == "OPEN_TEXT":
        return f"the text that begins here does not end on its line; expected a closing {token[0]}"
    if token.type == "OPEN_COMMENT":
        return "the comment that begins here does not end; expected */"
    expected = set(error.accepts or error.expected)
    brace = _open_brace(error)
    if token.type == "$END":
        if brace is None:
            return "there is nothing but comments; expected a description in { }"
        closing = _NAMES[_CLOSING[brace.type]]
        return f"the file ends, but the {brace} of {brace.line}:{brace.column} is open; expected {closing}"
    message = f"found {_found(token, expected)}; expected {_list_expected(expected)}"
    if brace is not None and token.type in _CLOSING.values() and token.type != _CLOSING[brace.type]:
        message += f" (the {brace} of {brace.line}:{brace.column} is open)"
    return message


def _found(token: Token, expected: set[str]) -> str:
    if token.type == "WORD" and "COLON" in expected:
        return "a value"
    return _NAMES.get(token.type) or (f'"{token}"' if token.isprintable() else f"the character U+{ord(token[0]):04X}")


def _list_expected(expected: set[str]) -> str:
    if "LBRACE" in expected:
        names = ["a value"]
        expected = expected - {"TEXT", "SINGLE", "WORD", "LBRACE", "LSQB"}
    elif "TEXT" in expected:
        names = ["a key in double quotes"]
        expected = expected - {"TEXT", "SINGLE", "WORD"}
    else:
        names = []
    names += [_NAMES[name] for name in ("COMMA", "COLON", "RBRACE", "RSQB", "$END") if name in expected]
    return ", ".join(names[:-1]) + " or " * (len(names) > 1) + names[-1]


def _open_brace(error: UnexpectedToken) -> Token | None:
    """
    The innermost brace or bracket that is not closed yet.
    """
    if error.interactive_parser is None:
        return None
    stack = error.interactive_parser.parser_state.value_stack
    return next((item for item in reversed(stack) if isinstance(item, Token) and item.type in _CLOSING), None)
