"""
Who may call: those who know the token (docs/eas-compatibility.md, section 5).

A client shows it in Authorization: as it is, after `Bearer`, or by an EAS signature, which is an HMAC over method,
Content-MD5, Content-Type, Date and path. The signature covers the body through Content-MD5 only, so a request with a
valid signature is let in on condition that its body has that digest; whoever reads the body computes it.

The clients differ, and what each of them signs is accepted. Header values are signed as they were sent: Java drops the
leading zeros of an MD5, and Python labels local time as GMT, so Date is text and is compared with no clock. The path
may have been signed with its query (Java) or without.

While a token is replaced, older ones are accepted beside it, mostly until a certain time. They are looked at after it,
so a host with one token does what it would do without them.

Whatever is compared with a secret is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from eas_host import answers
from eas_host.config.option_types import token as read_token
from eas_host.config.token_file import OlderToken
from eas_host.dispatch.exchange import RequestHead
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.request_target import path_of

if TYPE_CHECKING:
    from _hashlib import HASH

_CHALLENGE: Final = "WWW-Authenticate: Bearer, EAS\r\n"
_SEPARATOR: Final = b", "
"""Stands between the values of a repeated header field."""
_MD5_DIGITS: Final = 32


class Auth:
    """
    Lets in clients that know *token*, or all if that is None.

    Attributes:
        tokens: those that are accepted, first the one that clients are to send; none if none is asked for. They must
            not be logged.
    """

    def __init__(self, token: str | None) -> None:
        self.tokens: tuple[str, ...] = ()
        self._token: str | None = None
        self._older: tuple[OlderToken, ...] = ()
        self._encodings: tuple[bytes, ...] = ()  # the tokens, as clients may encode them
        self._hmacs: tuple[hmac.HMAC, ...] = ()
        self.set_token(token)

    def set_token(self, token: str | None, older: Iterable[OlderToken] = ()) -> None:
        """
        Ask for *token* from now on, or for none; accept *older* ones beside it.

        Raises:
            ValueError: it cannot be a token; the text says what is expected. Nothing changes.
        """
        self._token = None if token is None else read_token(token)
        self._older = () if token is None else tuple(older)
        self._apply()

    def drop_older(self, now: float) -> list[OlderToken]:
        """
        Accept no longer those older tokens whose time is over. *now*: in seconds since the epoch. Returns them.
        """
        over = [one for one in self._older if one.until is not None and one.until <= now]
        if over:
            self._older = tuple(one for one in self._older if one not in over)
            self._apply()
        return over

    def _apply(self) -> None:
        own = () if self._token is None else (self._token,)
        self.tokens = tokens = (*own, *(one.text for one in self._older))
        self._hmacs = tuple(hmac.new(token.encode(), digestmod="sha1") for token in tokens)
        # A token beyond ASCII arrives as its client encodes headers: most use Latin-1, curl what the terminal uses.
        both = [encoded for token in tokens for encoded in (token.encode(), token.encode("latin-1"))]
        self._encodings = tuple(dict.fromkeys(both))

    @property
    def required(self) -> bool:
        """
        Whether a token is asked for.
        """
        return bool(self._encodings)

    def authorize(self, head: RequestHead, method: bytes) -> ErrorResponse | None:
        """
        Say why a request with *head* is not let in; None if it is. May set `head.content_md5`: then it is let in only
        if `compare_digest` does not refuse its body.
        """
        if not self._encodings:
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

    def is_signed(self, head: RequestHead, values: Mapping[bytes, bytes], body: bytes) -> bool:
        """
        Tell whether a request like *head*, but with the *values* of Authorization, Content-MD5 and Date, has a valid
        signature, which covers *body*.
        """
        scheme, _, credentials = values[b"authorization"].strip().partition(b" ")
        digest = values.get(b"content-md5", b"").strip()
        date = values.get(b"date", b"").strip()
        if scheme.lower() != b"eas" or not self._matches(head, head.method, digest, date, credentials.strip()):
            return False
        return _is_digest(digest, hashlib.md5(body, usedforsecurity=False)) if digest else not body

    def _knows(self, token: bytes) -> bool:
        return any(hmac.compare_digest(token, encoded) for encoded in self._encodings)

    def _check_signature(self, head: RequestHead, method: bytes, signature: bytes) -> ErrorResponse | None:
        fields = head.fields
        digest = fields.get(b"content-md5", b"").strip()
        if not self._matches(head, method, digest, fields.get(b"date", b"").strip(), signature):
            return _refuse("the signature in Authorization does not match this request and the token")
        if digest:
            head.content_md5 = digest
        elif b"transfer-encoding" in fields or int(fields.get(b"content-length", b"0")):
            return _refuse("a signed request that has a body must have a Content-MD5, since only that covers the body")
        return None

    def _matches(self, head: RequestHead, method: bytes, digest: bytes, date: bytes, signature: bytes) -> bool:
        """
        Tell whether *signature* is that of *method*, *digest*, *date*, and what else *head* says.
        """
        kind = head.fields.get(b"content-type", b"").strip()
        for path in _paths(head.url):
            text = b"\n".join((method, digest, kind, date, path))
            for key in self._hmacs:
                signed = key.copy()  # made before: to begin with the key takes half of the time
                signed.update(text)
                if hmac.compare_digest(b64encode(signed.digest()), signature):
                    return True
        return False


def compare_digest(head: RequestHead, digest: HASH) -> ErrorResponse | None:
    """
    Say why a request with *head*, which has a `content_md5`, is not let in with a body whose MD5 is *digest*.
    """
    if _is_digest(head.content_md5 or b"", digest):
        return None
    return _refuse("the body does not match its Content-MD5")


def _is_digest(claimed: bytes, digest: HASH) -> bool:
    """
    Tell whether a client means *digest*: it writes a number, whose leading zeros one may drop, another use capitals.
    """
    return hmac.compare_digest(claimed.lower().zfill(_MD5_DIGITS), digest.hexdigest().encode())


def _paths(target: bytes) -> tuple[bytes, ...]:
    """
    Return what a client may have signed as the path of the request *target*.
    """
    path = path_of(target)
    _, mark, query = target.partition(b"?")
    return (path, path + mark + query) if mark else (path,)


def _once(value: bytes) -> bytes:
    """
    Return the *value* of a field once, if it was repeated with the same value each time.
    """
    times = value.count(_SEPARATOR) + 1
    first = value[: (len(value) - len(_SEPARATOR) * (times - 1)) // times]
    return first if _SEPARATOR.join([first] * times) == value else value


def _refuse(text: str) -> ErrorResponse:
    return ErrorResponse(answers.UNAUTHORIZED, text, extra=_CHALLENGE)
