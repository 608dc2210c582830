"""
Who may call: those who know the token (docs/eas-compatibility.md, section 5).

A client shows it in Authorization: as it is, behind `Bearer`, or by an EAS signature, which is an HMAC over method,
Content-MD5, Content-Type, Date and path. The signature covers the body through Content-MD5 only, so a request that is
signed well is let in under the condition that its body has that digest; whoever reads the body computes it.

The clients differ, and what each of them signs is accepted. Header values are signed as they were sent: Java drops the
leading zeros of an MD5, and Python labels local time as GMT, so Date is text and no clock is asked. The path may have
been signed with its query (Java) or without.

Whatever is compared with a secret is compared in constant time.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from eas_host.config.option_types import token as read_token
from eas_host.dispatch.exchange import RequestHead
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.request_target import path_of

if TYPE_CHECKING:
    from _hashlib import HASH

_CHALLENGE: Final = "WWW-Authenticate: Bearer, EAS\r\n"
_JOINT: Final = b", "
"""Stands between the values of a repeated header field."""
_MD5_DIGITS: Final = 32


class Auth:
    """
    Lets in who knows *token*, or everybody if that is None.

    Attributes:
        tokens: those that are asked for, not to be logged.
    """

    def __init__(self, token: str | None) -> None:
        self.tokens: tuple[str, ...] = ()
        self._shown: tuple[bytes, ...] = ()
        self._key = b""
        self.set_token(token)

    def set_token(self, token: str | None) -> None:
        """
        Ask for *token* from now on, or for none.

        Raises:
            ValueError: it cannot be a token; the text says what is expected. Nothing changes.
        """
        if token is None:
            self.tokens, self._shown, self._key = (), (), b""
            return
        token = read_token(token)
        self.tokens = (token,)
        self._key = token.encode()
        # A token beyond ASCII arrives as its client encodes headers: most use Latin-1, curl what the terminal uses.
        self._shown = tuple({self._key, token.encode("latin-1")})

    @property
    def required(self) -> bool:
        """
        Whether a token is asked for.
        """
        return bool(self._shown)

    def authorize(self, head: RequestHead, method: bytes) -> ErrorResponse | None:
        """
        Say why a request with *head* is not let in, or return None. May set `head.content_md5`: then it is let in only
        if `compare_digest` has nothing against its body.
        """
        if not self._shown:
            return None
        given = head.fields.get(b"authorization", b"").strip()
        if not given:
            return _refuse("the token is missing: send it as `Authorization: TOKEN`")
        if self._knows(given):
            return None
        given = _once(given)
        scheme, _, credentials = given.partition(b" ")
        if scheme.lower() == b"eas":
            return self._check_signature(head, method, credentials.strip())
        if scheme.lower() == b"bearer":
            given = credentials.strip()
        return None if self._knows(given) else _refuse("the token in Authorization is wrong")

    def _knows(self, token: bytes) -> bool:
        return any(hmac.compare_digest(token, shown) for shown in self._shown)

    def _check_signature(self, head: RequestHead, method: bytes, signature: bytes) -> ErrorResponse | None:
        fields = head.fields
        digest, kind, date = (fields.get(name, b"").strip() for name in (b"content-md5", b"content-type", b"date"))
        for path in _paths(head.url):
            text = b"\n".join((method, digest, kind, date, path))
            if hmac.compare_digest(b64encode(hmac.digest(self._key, text, "sha1")), signature):
                break
        else:
            return _refuse("the signature in Authorization does not match this request and the token")
        if digest:
            head.content_md5 = digest
        elif b"transfer-encoding" in fields or int(fields.get(b"content-length", b"0")):
            return _refuse("a signed request that has a body must have a Content-MD5, since only that covers the body")
        return None


def compare_digest(head: RequestHead, digest: HASH) -> ErrorResponse | None:
    """
    Say why a request with *head*, which has a `content_md5`, is not let in with a body whose MD5 is *digest*.
    """
    # Clients write the digest as a number: one may drop leading zeros, another use capitals.
    said = (head.content_md5 or b"").lower().zfill(_MD5_DIGITS)
    if hmac.compare_digest(said, digest.hexdigest().encode()):
        return None
    return _refuse("the body does not match its Content-MD5")


def _paths(target: bytes) -> Iterator[bytes]:
    """
    What a client may have signed as the path of the request *target*.
    """
    path = path_of(target)
    yield path
    _, mark, query = target.partition(b"?")
    if mark:
        yield path + mark + query


def _once(value: bytes) -> bytes:
    """
    Take *value* of a repeated field once, if each time it was the same.
    """
    times = value.count(_JOINT) + 1
    first = value[: (len(value) - len(_JOINT) * (times - 1)) // times]
    return first if _JOINT.join([first] * times) == value else value


def _refuse(text: str) -> ErrorResponse:
    return ErrorResponse(401, text, extra=_CHALLENGE)
