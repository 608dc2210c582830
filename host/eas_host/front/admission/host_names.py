"""
The name that a client calls this host by: the header Host, and the authority of an absolute target (RFC 9112,
section 3.2).

HTTP wants exactly one valid Host, whatever name it is. More is asked for only where a page in a browser could do harm:
the owner of a page can have its name lead to 127.0.0.1 (DNS rebinding). The browser then takes this host for the page's
own and lets it read all answers, but it still sends that name. So on loopback, where no token is asked for, the builtin
handlers answer to names of this machine only. The processor answers to every name: reverse proxies forward theirs.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from eas_host import answers
from eas_host.dispatch.responses import ErrorResponse

if TYPE_CHECKING:
    from eas_host.dispatch.exchange import RequestHead

_MAX_KNOWN: Final = 1024
_MAX_NAME: Final = 512
"""Values that are remembered as valid, and the size of the longest; a name of the DNS has 253 bytes at most."""

_AUTHORITY: Final = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+(?:%[\w.~%-]+)?\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?", re.ASCII
)
"""RFC 3986, section 3.2.2, without user information; the zone of an IPv6 address as RFC 6874 has it, and unescaped."""
_LOCALHOST: Final = "localhost"
"""RFC 6761, section 6.3: this name, and all below it, are the loopback interface."""


class Hosts:
    """
    Checks the names that requests call this host by.

    Args:
        listen: the name or address that the operator has given.
        allowed: further names (`--allow-host`): `*` for any, `.example.com` for all below that.

    Attributes:
        known: values of Host that were found valid; a look here takes 30 ns for each new head.
    """

    def __init__(self, listen: str, allowed: Iterable[str]) -> None:
        self.known: set[bytes] = set()
        names = {name.lower() for name in allowed}
        self._any = "*" in names
        self._suffixes = (f".{_LOCALHOST}", *(name for name in names if name.startswith(".")))
        self._names = frozenset({*names, _LOCALHOST, listen.lower(), socket.gethostname().lower()})

    def refuse(self, head: RequestHead) -> ErrorResponse | None:
        """
        Say why the Host of *head*, which is not in `known`, is invalid; None if it is valid.
        """
        value = head.fields.get(b"host")
        if value is None:
            return None if head.http_10 else _bad("the header Host is missing; HTTP/1.1 requires one")
        value = value.strip(b" \t")
        # An empty Host is valid: it belongs to a target without an authority (RFC 9112, section 3.2).
        if value and _name_in(value) is None:
            return _bad("the header Host is there twice, or is no host name")
        if len(value) <= _MAX_NAME and len(self.known) < _MAX_KNOWN:
            self.known.add(head.fields[b"host"])
        return None

    def refuse_foreign(self, head: RequestHead) -> ErrorResponse | None:
        """
        Say why a request with *head*, which has come in on loopback, is not answered: it calls this machine by a name
        that may be a web page's. None if it is answered.
        """
        authority = authority_of(head.url)
        name = _name_in(head.fields.get(b"host", b"").strip(b" \t") if authority is None else authority)
        if name is None or self._any or self._is_ours(name.lower()):
            return None
        return ErrorResponse(
            answers.FOREIGN_NAME,
            f"without a token the builtin handlers do not answer to the name {name[:100]}, since it could be that of"
            f" any web page: call them as localhost, or start the host with --allow-host {name[:100]}, or with --token",
        )

    def _is_ours(self, name: str) -> bool:
        name = name.removesuffix(".")
        address = _address(name)
        if address is not None:
            mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
            address = mapped or address
            # 0.0.0.0, by which some clients mean this machine, leads to loopback, too.
            return address.is_loopback or address.is_unspecified or name in self._names
        return name in self._names or name.endswith(self._suffixes)


def refuse_target(head: RequestHead) -> ErrorResponse | None:
    """
    Say why the target of *head*, which does not begin with a path, is invalid; None if it is valid.
    """
    authority = authority_of(head.url)
    if authority is not None and _name_in(authority) is None:
        return _bad("the request target names no host, or a user, which RFC 9110 forbids")
    return None


def authority_of(target: bytes) -> bytes | None:
    """
    Cut the authority, which counts in place of Host, out of an absolute *target*; None if *target* is not absolute.
    """
    _, scheme, rest = target.partition(b"?")[0].partition(b"://")
    if not scheme or target.startswith(b"/"):
        return None
    return rest.partition(b"/")[0]


def _name_in(authority: bytes) -> str | None:
    """
    Return the name or address in *authority*, an IPv6 address without its brackets; None if *authority* is invalid.
    """
    match = _AUTHORITY.fullmatch(authority.decode("latin-1"))
    if match is None:
        return None
    name = match["name"]
    if not name.startswith("["):
        return name
    try:
        IPv6Address(name[1:-1].partition("%")[0])
    except AddressValueError:
        return None
    return name[1:-1].partition("%")[0]


def _address(name: str) -> IPv4Address | IPv6Address | None:
    """
    Read *name* as an address, in the short forms that clients accept, too: 127.1 is 127.0.0.1.
    """
    try:
        return IPv6Address(name) if ":" in name else IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None


def _bad(text: str) -> ErrorResponse:
    return ErrorResponse(answers.MALFORMED, f"malformed request: {text}")
