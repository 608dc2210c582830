"""
Why a text is no JSON, in human words.

What lark knows is a token that does not fit and the names of those that would; what a user needs is what stands there,
what belongs there, and which brace was left open. Texts in quotes are not shown: one of them may be a token.
"""

from __future__ import annotations

from typing import Final

from lark import Token, UnexpectedToken

_WORDS: Final = {
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


def expected_by(error: UnexpectedToken) -> str:
    """
    Say what *error* is about, without its place.
    """
    token = error.token
    if token.type == "OPEN_TEXT":
        return f"the text that begins here does not end on its line; expected a closing {token[0]}"
    if token.type == "OPEN_COMMENT":
        return "the comment that begins here does not end; expected */"
    accepted = set(error.accepts or error.expected)
    brace = _open_brace(error)
    if token.type == "$END":
        if brace is None:
            return "there is nothing but comments; expected a description in { }"
        closing = _WORDS[_CLOSING[brace.type]]
        return f"the file ends, but the {brace} of {brace.line}:{brace.column} is open; expected {closing}"
    line = f"found {_found(token, accepted)}; expected {_expected(accepted)}"
    if brace is not None and token.type in _CLOSING.values() and token.type != _CLOSING[brace.type]:
        line += f" (the {brace} of {brace.line}:{brace.column} is open)"
    return line


def _found(token: Token, accepted: set[str]) -> str:
    if token.type == "WORD" and "COLON" in accepted:
        return "a value"
    return _WORDS.get(token.type) or (f'"{token}"' if token.isprintable() else f"the character U+{ord(token[0]):04X}")


def _expected(accepted: set[str]) -> str:
    if "LBRACE" in accepted:
        words = ["a value"]
        accepted = accepted - {"TEXT", "SINGLE", "WORD", "LBRACE", "LSQB"}
    elif "TEXT" in accepted:
        words = ["a key in double quotes"]
        accepted = accepted - {"TEXT", "SINGLE", "WORD"}
    else:
        words = []
    words += [_WORDS[name] for name in ("COMMA", "COLON", "RBRACE", "RSQB", "$END") if name in accepted]
    return ", ".join(words[:-1]) + " or " * (len(words) > 1) + words[-1]


def _open_brace(error: UnexpectedToken) -> Token | None:
    """
    The innermost brace or bracket that the parser waits to see closed.
    """
    if error.interactive_parser is None:
        return None
    stack = error.interactive_parser.parser_state.value_stack
    return next((item for item in reversed(stack) if isinstance(item, Token) and item.type in _CLOSING), None)
