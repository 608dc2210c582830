"""
`Auth.authorize`, called directly: which tokens and signatures it accepts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from eas_host.dispatch.exchange import RequestHead
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.tokens import Auth, compare_digest
from support.signing import DATE, OCTETS, TOKEN, VECTORS, Vector, md5, sign


def head_of(
    target: str = "/api/predict/echo", body: bytes | None = b"", method: str = "POST", /, **more: str | None
) -> RequestHead:
    """A head as the reader leaves it: `content_md5="..."` is Content-MD5."""
    head = RequestHead()
    head.method, head.url = method.encode(), target.encode()
    headers = more if body is None else {"content_length": str(len(body)), **more}
    head.fields = {
        name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items() if value is not None
    }
    return head


def signed(
    body: bytes, target: str = "/api/predict/echo", path: str | None = None, /, **changed: str | None
) -> RequestHead:
    """The head of a request to *target*, signed for *path*; then *changed*."""
    authorization = sign(TOKEN, path or target, md5(body), OCTETS, DATE)
    headers = {"content_md5": md5(body), "content_type": OCTETS, "date": DATE, "authorization": authorization}
    return head_of(target, body, **{**headers, **changed})


def authorize(head: RequestHead, body: bytes = b"", token: str = TOKEN) -> ErrorResponse | None:
    """The refusal of the head, or else of its body; None if both are accepted."""
    refusal = Auth(token).authorize(head, head.method)
    if refusal is None and head.content_md5 is not None:
        return compare_digest(head, hashlib.md5(body, usedforsecurity=False))
    return refusal


def refused(refusal: ErrorResponse | None, word: str) -> None:
    assert refusal is not None
    assert (refusal.status, word in refusal.text, "\n" in refusal.text) == (401, True, False), refusal.text
    assert refusal.extra.startswith("WWW-Authenticate: ")
    assert refusal.extra.endswith("\r\n")
    assert TOKEN not in refusal.text


# Signatures, in the small.


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_signature_of_vendors_clients_authorizes_its_own_body_only(vector: Vector) -> None:
    headers = {"content_md5": vector.content_md5, "content_type": OCTETS, "date": DATE}
    head = head_of(vector.path, vector.body, authorization=f"EAS {vector.signature}", **headers)
    assert authorize(head, vector.body, vector.token) is None
    refused(authorize(head, vector.body + b"x", vector.token), "Content-MD5")
    refused(authorize(head, vector.body, vector.token + "x"), "signature")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/api/predict/echo", "/api/predict/echo"),
        ("/api/predict/echo?a=1&b=%20", "/api/predict/echo?a=1&b=%20"),
        ("/api/predict/echo?a=1", "/api/predict/echo"),
        ("/api/predict/echo?", "/api/predict/echo?"),
        ("http://example.com:80/api/predict/echo?a=1", "/api/predict/echo?a=1"),
        ("http://example.com/api/predict/echo?a=1", "/api/predict/echo"),
    ],
)
def test_path_may_be_signed_with_or_without_its_query(target: str, path: str) -> None:
    """Java signs it with the query; of an absolute target the path."""
    assert authorize(signed(b"x", target, path), b"x") is None


@pytest.mark.parametrize("path", ["/", "/api/predict/echo/", "/api/predict/echo?b=1", "/api/predict/echo?a=1&b=2"])
def test_signature_of_another_path_is_refused(path: str) -> None:
    refused(authorize(signed(b"x", "/api/predict/echo?a=1", path), b"x"), "signature")


@pytest.mark.parametrize(
    "changed",
    [
        {"content_md5": md5(b"y")},
        {"content_md5": None},
        {"content_type": "text/plain"},
        {"content_type": None},
        {"date": "Tue, 02 Jan 2024 03:04:06 GMT"},
        {"date": None},
        {"date": f"{DATE}, {DATE}"},
        {"authorization": "EAS "},
        {"authorization": "EAS"},
        {"authorization": "EAS " + "A" * 28},
        {"authorization": "EAS \xff\xfe"},
        {"authorization": "EAS " + "A" * 30_000},
    ],
    ids=str,
)
def test_change_of_any_signed_header_is_refused(changed: dict[str, str | None]) -> None:
    refused(authorize(signed(b"x", **changed), b"x"), "signature")


def test_signature_of_another_method_is_refused() -> None:
    head = signed(b"x")
    head.method = b"PUT"
    refused(authorize(head, b"x"), "signature")


def test_signature_with_any_date_is_accepted() -> None:
    """No clock is asked: the Python client labels local time as GMT."""
    for date in ("Thu, 01 Jan 1970 00:00:00 GMT", "whenever", ""):
        head = signed(b"x", date=date, authorization=sign(TOKEN, "/api/predict/echo", md5(b"x"), OCTETS, date))
        assert authorize(head, b"x") is None


@pytest.mark.parametrize("text", [md5(b"a").lstrip("0"), md5(b"a").upper(), md5(b"a")])
def test_content_md5_may_be_written_in_several_ways(text: str) -> None:
    """The digest is compared as a number."""
    authorization = sign(TOKEN, "/api/predict/echo", text, OCTETS, DATE)
    head = signed(b"a", content_md5=text, authorization=authorization)
    assert authorize(head, b"a") is None
    refused(authorize(head, b"b"), "Content-MD5")


@pytest.mark.parametrize("text", ["nonsense", "0" * 40, "-1", "\xff", md5(b"a") + "0", "0x" + md5(b"a")[2:]])
def test_content_md5_that_is_not_a_digest_is_refused(text: str) -> None:
    """The signature over the header is right."""
    text_bytes = text.encode("latin-1")
    string = b"\n".join([b"POST", text_bytes, OCTETS.encode(), DATE.encode(), b"/api/predict/echo"])
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), string, "sha1")).decode()
    refused(authorize(signed(b"a", content_md5=text, authorization=f"EAS {signature}"), b"a"), "Content-MD5")


def test_signature_without_md5_is_refused_for_a_request_with_a_body() -> None:
    """Such a signature covers no body."""
    authorization = sign(TOKEN, "/", "", "", "", method="GET")
    assert authorize(head_of("/", None, "GET", authorization=authorization)) is None
    assert authorize(head_of("/", b"", "GET", authorization=authorization)) is None
    refused(authorize(head_of("/", b"x", "GET", authorization=authorization)), "Content-MD5")
    refused(
        authorize(head_of("/", None, "GET", authorization=authorization, transfer_encoding="chunked")), "Content-MD5"
    )


# Tokens, in the small.


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        f"BEARER   {TOKEN}",
        f"{TOKEN}, {TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
    ],
)
def test_raw_token_is_accepted_with_or_without_bearer(value: str) -> None:
    """A token that is there twice is accepted, too."""
    head = head_of(authorization=value)
    assert authorize(head) is None
    assert head.content_md5 is None


@pytest.mark.parametrize(
    "value",
    [
        TOKEN[:-1],
        f"{TOKEN}=",
        TOKEN.upper(),
        f"Basic {TOKEN}",
        f"Bearer{TOKEN}",
        "Bearer",
        "Bearer ",
        "\xff\xfe\xe9",
        "x" * 30_000,
        f"{TOKEN}, other",
        f"other, {TOKEN}",
        f"{TOKEN}, {TOKEN}, other",
        ", " * 10_000,
    ],
    ids=lambda value: repr(value[:20]),
)
def test_wrong_token_is_refused(value: str) -> None:
    refused(authorize(head_of(authorization=value)), "wrong")


@pytest.mark.parametrize("value", [None, ""])
def test_missing_token_is_refused(value: str | None) -> None:
    refused(authorize(head_of(authorization=value)), "missing")


def test_token_with_spaces_commas_or_scheme_names_is_accepted() -> None:
    """A token may look like anything that the header means otherwise."""
    for token in ("Bearer x", "EAS x", "a, a", "two words"):
        assert authorize(head_of(authorization=token), token=token) is None
        assert authorize(head_of(authorization=f"Bearer {token}"), token=token) is None
        refused(authorize(head_of(authorization="x"), token=token), "wrong")


def test_token_beyond_ascii_is_accepted_in_latin_1_and_utf_8() -> None:
    """Most clients send Latin-1, curl sends what the terminal has; the key of a signature is UTF-8."""
    token = "clé-é"  # noqa: S105 - no secret
    assert authorize(head_of(authorization=token), token=token) is None
    assert authorize(head_of(authorization=token.encode().decode("latin-1")), token=token) is None
    authorization = sign(token, "/", md5(b""), OCTETS, DATE)
    head = head_of("/", content_md5=md5(b""), content_type=OCTETS, date=DATE, authorization=authorization)
    assert authorize(head, b"", token) is None


def test_token_can_be_changed_while_the_host_runs() -> None:
    """The new value is another token or none; a wrong one changes nothing."""
    auth = Auth(None)
    assert not auth.required
    assert auth.authorize(head_of(), b"POST") is None
    auth.set_token("first")
    auth.set_token(" second\n")
    assert auth.required
    for wrong in ("", " ", "a\nb", "a\0b", "ключ"):
        with pytest.raises(ValueError, match="expected a token"):
            auth.set_token(wrong)
    assert auth.authorize(head_of(authorization="second"), b"POST") is None
    refused(auth.authorize(head_of(authorization="first"), b"POST"), "wrong")
    auth.set_token(None)
    assert auth.authorize(head_of(authorization="first"), b"POST") is None
