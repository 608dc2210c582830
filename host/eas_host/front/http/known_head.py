"""
Recognises the head of a request by the last one of its connection, so that it need not be parsed.

A client on a kept connection usually sends the same head again and again, so the bytes of the last one are kept with
what was made of them (measured: parsing is a third of what a request costs the front). Others send the same head but
for the length of the body, a date, a signature, or the number of the request and of its trace. So a pattern is made of
a head that was parsed and decided about, and what matches it would be decided in the same way (`head_pattern`). The
data plane has it as a template, and repeats the decision in C++. A signature is checked for each request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from eas_host.dispatch.exchange import FORWARDED, REQUEST_ID, Exchange, RequestHead
from eas_host.dispatch.limits import DIRECT_BODY
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.admission import WATCHED
from eas_host.front.http.connection_context import ConnectionContext
from eas_host.front.http.head_pattern import CONTENT_LENGTH, END_OF_HEAD, END_OF_LINE, HeadPattern, describe, whole
from eas_host.front.limits import MAX_KNOWN_HEAD
from eas_host.front.plane.transport import PlaneTransport

_UNKNOWN: Final = -1
_SIGNED: Final = -2
"""Sizes that no request has: no head is known; it is, but with each body its signature must be checked."""
_SIGNATURE: Final = b"eas "
_AUTHORIZATION: Final = b"authorization"
_OF_TOKENS: Final = frozenset({_AUTHORIZATION, b"content-md5", b"date"})
"""Fields that are read only where a token is asked for (`front.admission.tokens`)."""
_LEARNT: Final = FORWARDED | _OF_TOKENS | {CONTENT_LENGTH, b"content-type", b"host", b"sec-fetch-site", REQUEST_ID}
"""Of the fields that the host looks at, those that need no new decision when the same head comes again."""
_OF_PARSER: Final = frozenset({b"connection", b"proxy-connection", b"transfer-encoding", b"upgrade"})
"""Fields by whose values the parser decides, beside the length."""
_FIXED: Final = (WATCHED | _OF_PARSER) - FORWARDED
"""Fields whose values must be the same. Of those that proxies add only the presence counts."""
_GROUPS: Final = {name: name.decode().replace("-", "_") for name in (CONTENT_LENGTH, REQUEST_ID, *_OF_TOKENS)}
"""Fields whose values are read, with the names of their groups in a pattern."""
_FIELDS: Final = {group: name for name, group in _GROUPS.items()}
_MAX_MISSES: Final = 8
"""So many heads in a row may match no pattern; then the connection makes none any more, since each takes its time."""


class KnownHead:
    """
    The last head of a connection, if the next may be recognised by it.

    Attributes:
        bytes: the head itself.
        size: of a whole request with that head; none has it if the head is not known.
        head: what was decided about it.
        submit: takes requests with that head.
        submits: whether they are for `submit_direct`: their heads are read here, and the plane does the rest.
        direct_head: the head of the last request that the plane has submitted.
    """

    def __init__(self, context: ConnectionContext) -> None:
        self.bytes = b""
        self.size = _UNKNOWN
        self.head = RequestHead()
        self.submit: Callable[[Exchange], ErrorResponse | None] = context.router.submit
        self.submits = False
        self.direct_head = self.head
        self._ring_number = -1
        self._plane: PlaneTransport | None = None
        self._admission = context.admission
        self._budget = context.budget
        self._pattern: re.Pattern[bytes] | None = None
        self._pattern_of = b""
        self._template_of = b""
        self._has_template = False
        self._max_body = min(DIRECT_BODY, context.budget.max_body)
        self._misses = 0
        self._signed = False  # its token is shown by a signature
        self._copies = False  # each request has a head of its own, since somebody reads its id later

    def learn(self, exchange: Exchange, data: bytes) -> bool:
        """
        Keep the head of *data*, one whole request that came alone and became *exchange*, if it may be recognised.
        Returns whether it may.
        """
        head = exchange.head
        end = data.find(END_OF_HEAD) + len(END_OF_HEAD)
        # The parser skips empty lines around a request: then the sizes do not add up, or the end is found too early.
        alone = end + exchange.size == len(data) and not data.startswith(END_OF_LINE)
        plain = head.keep_alive and head.error_response is None and head.handler is None and not head.content_encoding
        learnt = alone and plain and head.fields.keys() <= _LEARNT and end <= MAX_KNOWN_HEAD
        if learnt:
            self.bytes = data[:end]
            self.size = len(data) if head.content_md5 is None else _SIGNED
            self.head = head if head.content_md5 is None else _without_digest(head)
            self.submit = head.backend.submit
            self.submits = False
            self._ring_number = head.backend.ring_number
        return learnt

    def forget(self) -> None:
        """
        Recognise no request before another head was learned.
        """
        self.size = _UNKNOWN

    def arm(self, plane: PlaneTransport) -> None:
        """
        Have *plane*, whose connection is idle, answer the next request if it has such a head, and if no value in it is
        read.
        """
        if self.size == _UNKNOWN:
            return
        if self.bytes is not self._template_of:
            self._template_of = self.bytes
            self._plane = plane
            described = self._describe() if self._misses < _MAX_MISSES else None
            read = described is not None and (self._copies or self._signed)
            self.submits = self.head.plain and read
            self._has_template = self.head.plain and not read and (described is not None or self.size != _SIGNED)
            if self._has_template:
                # Without a description the head must be the same byte by byte.
                template = whole(self.bytes) if described is None else described.template()
                has_length = described is not None and CONTENT_LENGTH in described.fields
                body_size = 0 if has_length else self.size - len(self.bytes)
                plane.learn(self._ring_number, template, body_size, self._max_body)
        if self._has_template:
            self.direct_head = self.head
            plane.arm()

    def submit_direct(self, head: RequestHead, body: bytes) -> bool:
        """
        Have the plane submit and answer a request whose *head* was recognised here. False: it must not now.
        """
        assert self._plane is not None  # noqa: S101  see `arm`
        self.direct_head = head
        return self._plane.submit(self._ring_number, body)

    def recognise_similar(self, data: bytes) -> tuple[RequestHead | None, bytes]:
        """
        Return the head and the body of *data* if that is one whole request whose head is like the known one.
        """
        if self.size == _UNKNOWN:
            return None, b""
        if self.bytes is not self._pattern_of:
            if not data.startswith(self.bytes[: self.bytes.find(END_OF_LINE)]):
                return None, b""  # it asks for something else
            self._pattern_of = self.bytes
            self._pattern = None if self._misses >= _MAX_MISSES else self._make_pattern()
        if self._pattern is None:
            return None, b""
        found = self._pattern.match(data, 0, MAX_KNOWN_HEAD)
        if found is None:
            self._misses += 1
            self._pattern = None
            return None, b""
        self._misses = 0
        values = {_FIELDS[group]: value for group, value in found.groupdict().items()}
        size = len(data) - found.end()
        if size != int(values.get(CONTENT_LENGTH, 0)) or size > self._budget.max_body:
            return None, b""
        body = data[found.end() :]
        if self._signed and not self._admission.is_signed(self.head, values, body):
            return None, b""
        return self.head.with_fields(values) if self._copies else self.head, body

    def _make_pattern(self) -> re.Pattern[bytes] | None:
        """
        Make the pattern of the known head; None if a head like this is harder to judge.
        """
        described = self._describe()
        return None if described is None else described.compile()

    def _describe(self) -> HeadPattern | None:
        required = self._admission.token_required
        self._signed = required and self.head.fields.get(_AUTHORIZATION, b"").lower().startswith(_SIGNATURE)
        read = {CONTENT_LENGTH: rb"[0-9]{1,9}", REQUEST_ID: b"[!-~]+"}
        if self._signed:
            read |= dict.fromkeys(_OF_TOKENS, b"[ -~]*")
        # A token that is shown as it is stays the same; only a signature covers the other two.
        fixed = _FIXED - _OF_TOKENS | ({_AUTHORIZATION} if required and not self._signed else set())
        described = describe(self.bytes, fixed, {name: (_GROUPS[name], value) for name, value in read.items()})
        self._copies = described is not None and REQUEST_ID in described.fields
        return described


def _without_digest(head: RequestHead) -> RequestHead:
    """
    Copy *head* for requests whose bodies are compared with their digest here, and by nobody later.
    """
    other = head.with_fields({})
    other.content_md5 = None
    return other
