"""
Every request three ways: whole, byte by byte, and with another request right behind it.

A parser that is right about a request in one piece is often wrong about the same request in pieces, or about
where it ends. So the tests of the protocol say what must be answered, and this module sends it in all ways
and looks at what follows: a connection that stays open must serve the next request, one that is refused must
be closed with nothing of the rest answered.
"""

from __future__ import annotations

from collections.abc import Callable

from support.host import Host
from support.wire import Client, Response, request

Check = Callable[[Response], None]
AFTER = request("POST", "/after", b"the request after")


def whole(client: Client, data: bytes) -> None:
    client.send(data)


def bytewise(client: Client, data: bytes) -> None:
    client.send_bytewise(data)


def with_more_behind(client: Client, data: bytes) -> None:
    client.send(data + AFTER)


WAYS = (whole, bytewise, with_more_behind)


def all_ways(host: Host, data: bytes, check: Check, *, closes: bool, method: str = "POST") -> None:
    """Sends *data* in all ways, each on a connection of its own; *check* looks at the answer."""
    for way in WAYS:
        with host.connect() as client:
            way(client, data)
            check(client.read(method))
            if closes:
                assert client.is_closed(), f"still answering, sent {way.__name__}"
                continue
            if way is not with_more_behind:
                client.send(AFTER)
            assert client.read().body == b"the request after", f"sent {way.__name__}"


def echoes(body: bytes) -> Check:
    """A check: 200 with *body*."""

    def check(answer: Response) -> None:
        assert (answer.status, answer.body) == (200, body)

    return check


def refuses(status: int) -> Check:
    """A check: the host's own answer *status*, with a text for a human."""

    def check(answer: Response) -> None:
        assert answer.status == status, answer
        assert answer.body.strip()

    return check
