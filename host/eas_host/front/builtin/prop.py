"""
Reading and changing properties from outside.
"""

from __future__ import annotations

from typing import Any

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission import request_target
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import WRITING, Builtin, as_json, read_json, text
from eas_host.front.settings.properties import Properties, Source


class Prop(Builtin):
    """
    `prop`: GET answers with all properties as JSON, `GET ?name=rpc.keepalive` with the value of one as text. POST of a
    JSON object `{name: value}`, or `POST ?name=rpc.keepalive&value=10000`, changes them, all or none, and answers with
    the new values.

    EAS documents the name only; the rest is our choice. The token is never shown.
    """

    changes = WRITING

    def __init__(self, access: Access, properties: Properties) -> None:
        super().__init__(access)
        self._properties = properties

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Read or write, as the method says.
        """
        query = request_target.query_of(exchange.head.url)
        if exchange.head.method in WRITING:
            return self._write(query, body)
        properties = self._properties.shown()
        if "name" not in query:
            return as_json(properties)
        name = query["name"]
        if name not in properties:
            return text(answers.NO_SUCH_PROPERTY, f"there is no property {name!r}")
        return text(answers.HANDLED, properties[name])

    def _write(self, query: dict[str, str], body: bytes) -> Response:
        properties = self._properties
        try:
            values = _wanted(query, body)
            properties.put_all(values, Source.OPERATOR)
        except ValueError as error:
            return text(answers.WRONG_CONTENT, str(error))
        new = properties.shown()
        return as_json({name: new[name] for name in values})


def _wanted(query: dict[str, str], body: bytes) -> dict[str, str]:
    """
    Read which properties are to change, and their new values.

    Raises:
        ValueError: neither the query nor the body says it properly; the text says what is expected.
    """
    if query:
        if query.keys() != {"name", "value"} or body:
            raise ValueError("expected ?name=...&value=... and no body, or a JSON object {name: value} and no query")
        return {query["name"]: query["value"]}
    wanted = read_json(body)
    if not isinstance(wanted, dict) or not wanted:
        raise ValueError('expected a JSON object of names and values, such as {"rpc.keepalive": 10000}')
    return {name: _as_text(name, value) for name, value in wanted.items()}


def _as_text(name: str, value: Any) -> str:  # noqa: ANN401  what the client sent
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"{name}: expected a text or a number")  # noqa: TRY004  the caller's ValueError, as all of them
    return str(value)
