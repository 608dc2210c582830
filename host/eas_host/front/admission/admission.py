"""
What the head of a request decides: whether it is valid, who answers it, and whether its client may ask.

What will be refused is refused here, before the body takes memory. The order matters: a client that may not ask learns
nothing about what there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eas_host import answers
from eas_host.dispatch.exchange import FORWARDED, REQUEST_ID, RequestHead
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission import cors, decompression, host_names, request_target
from eas_host.front.admission.cors import Cors
from eas_host.front.admission.host_names import Hosts
from eas_host.front.admission.token_header import TOKEN_HEADER
from eas_host.front.admission.tokens import Auth
from eas_host.front.builtin import Builtins
from eas_host.front.limits import MAX_HEAD, MAX_URL
from eas_host.front.service_state import ServiceState

WATCHED: Final = frozenset(
    {
        b"access-control-request-headers",
        b"access-control-request-method",
        b"access-control-request-private-network",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-type",
        b"date",
        b"expect",
        b"host",
        b"origin",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"upgrade",
        b"x-lz4-original-length",
        TOKEN_HEADER,
        REQUEST_ID,
        *FORWARDED,
    }
)
"""The header fields that decide something, or that the log names; no others are kept."""
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class Admission:
    """
    Decides about the heads of requests.

    Args:
        state: has the backends, and the encoding of bodies that do not state theirs.
        budget: knows the largest body.
        builtins: answer in place of the processor.
        auth: knows the token.
        hosts: knows the names of this host.
        cors: knows the pages that may call.
    """

    def __init__(
        self, state: ServiceState, budget: MemoryBudget, builtins: Builtins, auth: Auth, hosts: Hosts, cors: Cors
    ) -> None:
        self._state = state
        self._budget = budget
        self._builtins = builtins
        self._auth = auth
        self._hosts = hosts
        self._cors = cors

    @property
    def token_required(self) -> bool:
        """
        Whether what is read of a head includes what its client shows of a token.
        """
        return self._auth.required

    def authorize(self, head: RequestHead) -> ErrorResponse | None:
        """
        Say why a request with *head* is not let in for its token; None if it is. See `Auth.authorize`.
        """
        return self._auth.authorize(head, head.method)

    def is_signed(self, head: RequestHead, values: Mapping[bytes, bytes], body: bytes) -> bool:
        """
        Tell whether a request like *head*, with other *values*, is signed, and so let in. See `Auth.is_signed`.
        """
        return self._auth.is_signed(head, values, body)

    def decide(self, head: RequestHead) -> ErrorResponse | None:
        """
        Say why a request with *head* is refused; None if it is not. Then *head* says who answers it, and what must be
        done with its body before.
        """
        fields = head.fields
        origin = fields.get(b"origin")
        if origin is not None:
            head.cors = self._cors.allow(origin)
            head.plain = head.plain and not head.cors
        error_response = self._refuse_message(head)
        if error_response is not None:
            return error_response
        expectation = None if head.http_10 else fields.get(b"expect")
        preflight = origin is not None and cors.is_preflight(head)
        error_response = self._cors.prepare(head) if preflight else self._route(head)
        if error_response is not None:
            # Do not read on: after a CONNECT comes no HTTP, and after an expectation the client waits with the body.
            return error_response.closing() if expectation is not None or head.method == b"CONNECT" else error_response
        limit = self._budget.max_body if head.handler is None else head.handler.max_body
        if int(fields.get(b"content-length", b"0")) > limit:
            return self.too_large(limit)
        if expectation is not None and expectation.lower() != b"100-continue":
            return ErrorResponse(answers.UNKNOWN_EXPECTATION, "the only expectation known is 100-continue")
        return None

    def too_large(self, limit: int) -> ErrorResponse:
        """
        Make the 413 for a body of more than *limit* bytes.
        """
        advice = f" ({self._budget.max_body_option})" if limit == self._budget.max_body else ""
        return ErrorResponse(answers.TOO_LARGE, f"the body is larger than {limit} bytes{advice}")

    def _refuse_message(self, head: RequestHead) -> ErrorResponse | None:
        """
        Say why *head* is too large or no valid head of HTTP/1, whoever sends it and whatever it asks for.
        """
        if len(head.url) > MAX_URL:
            return long_target()
        if head.size + len(head.url) > MAX_HEAD:
            return large_head()
        if head.version not in _VERSIONS:
            return ErrorResponse(answers.UNKNOWN_VERSION, f"HTTP/{head.version} is not supported; use HTTP/1.1")
        if head.fields.get(b"host") not in self._hosts.known:
            error_response = self._hosts.refuse(head)
            if error_response is not None:
                return error_response
        if head.url[:1] != b"/":
            error_response = host_names.refuse_target(head)
            if error_response is not None:
                return error_response
        return _refuse_transfer_encoding(head) if b"transfer-encoding" in head.fields else None

    def _route(self, head: RequestHead) -> ErrorResponse | None:
        """
        Decide who answers a request with *head*, whether its client may ask, and what is done with its body before.
        """
        path = request_target.path_of(head.url)
        found = self._builtins.find(path)
        handler = None if isinstance(found, ErrorResponse) else found
        if handler is not None and TOKEN_HEADER in head.fields:
            head.fields.setdefault(b"authorization", head.fields[TOKEN_HEADER])
        if handler is None or not handler.public:
            error_response = self.authorize(head)
            if error_response is not None:
                return error_response
        if isinstance(found, ErrorResponse):
            return found
        head.handler = handler
        allowed = request_target.PREDICT_METHODS if handler is None else handler.methods
        error_response = request_target.refuse(head.method, allowed)
        if error_response is not None:
            return error_response
        if handler is None:
            backend = self._state.backends.find(path)
            if isinstance(backend, ErrorResponse):
                return backend
            head.backend = backend
        head.content_encoding = self._state.decompressor if handler is None or handler.forwards_body else None
        if b"content-encoding" in head.fields:
            encoding = decompression.find_content_encoding(head.fields, head.content_encoding)
            if isinstance(encoding, ErrorResponse):
                return encoding
            head.content_encoding = encoding
        return None


def _refuse_transfer_encoding(head: RequestHead) -> ErrorResponse | None:
    """
    Say why a request whose *head* has a Transfer-Encoding is refused (RFC 9112, sections 6.1 and 6.3); None if it is
    not.
    """
    encoding = head.fields[b"transfer-encoding"].strip(b" \t").lower()
    if head.http_10:
        return ErrorResponse(answers.MALFORMED, "malformed request: HTTP/1.0 has no Transfer-Encoding")
    if encoding == b"chunked":
        return None
    if encoding.rpartition(b",")[2].strip(b" \t") != b"chunked":
        return ErrorResponse(answers.MALFORMED, "malformed request: the last Transfer-Encoding must be chunked")
    return ErrorResponse(
        answers.UNKNOWN_TRANSFER, "the only Transfer-Encoding known is chunked; use Content-Encoding for others"
    )


def long_target() -> ErrorResponse:
    """
    Make the 414 for a request whose target is too long.
    """
    return ErrorResponse(answers.LONG_TARGET, f"the request target is longer than {MAX_URL} bytes")


def large_head() -> ErrorResponse:
    """
    Make the 431 for a request whose head is too large.
    """
    return ErrorResponse(answers.LARGE_HEAD, f"the head of the request is larger than {MAX_HEAD} bytes")
