"""
The listening sockets: bound before the processor loads, so that an address in use is reported at once, and opened when
it has loaded, so that no connection is accepted before.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final

from eas_host.config.option_types import Address
from eas_host.errors import BindError
from eas_host.system.listening_process import find_listening_process

BACKLOG: Final = 4096
"""Connections that wait to be accepted; the kernel lowers it to net.core.somaxconn."""

_MAX_COMMAND: Final = 120
"""How many characters of another program's command line a message has."""
_ADVICE: Final = {
    errno.EADDRINUSE: "another program listens there; choose another --listen, port 0 takes a free one",
    errno.EACCES: "ports below 1024 need privileges; choose another --listen",
    errno.EADDRNOTAVAIL: "this machine has no such address; use 127.0.0.1 or 0.0.0.0",
}


def bind(address: Address) -> list[socket.socket]:
    """
    Bind a socket for each address that the host name of *address* stands for, without listening yet.

    With port 0 all get the same free port.

    Raises:
        BindError: an address cannot be bound or found.
    """
    # Of text Python makes what IDNA does, and the tables for that take 4 ms to import; a number needs none.
    is_number = address.host.isascii() and address.host.replace(".", "").isdigit()
    host = address.host.encode() if is_number else address.host
    try:
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise BindError(f"--listen {address.authority}: {error.strerror}; check the host name") from error
    except UnicodeError as error:
        raise BindError(f"--listen {address.authority}: this is no host name") from error
    sockets: list[socket.socket] = []
    port = address.port
    try:
        for family, kind, protocol, _, target in dict.fromkeys(found):
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((target[0], port, *target[2:]))
            port = sock.getsockname()[1]
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise bind_error(address, error) from error
    return sockets


def bind_error(address: Address, error: OSError) -> BindError:
    """
    Make the error that says why the host cannot listen on *address*, and what to do.
    """
    advice = _ADVICE.get(error.errno or 0, "choose another --listen")
    if error.errno == errno.EADDRINUSE and (other := find_listening_process(address.port)) is not None:
        command = other.command if len(other.command) <= _MAX_COMMAND else f"{other.command[:_MAX_COMMAND]} ..."
        advice = f"process {other.pid} listens there ({command}); end it (kill {other.pid}), or choose another --listen"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return BindError(f"cannot listen on {address.authority}: {reason}; {advice}")


def exposure_warning(addresses: Iterable[str], *, has_token: bool) -> str | None:
    """
    Say who can call a service that listens on *addresses*, which are numeric; None if it has a token, or if only
    programs on this machine can.
    """
    open_ = [address for address in addresses if not _is_loopback(address)]
    if has_token or not open_:
        return None
    everywhere = any(ip_address(_without_zone(address)).is_unspecified for address in open_)
    reach = "this machine" if everywhere else " or ".join(open_)
    return (
        f"everybody who can reach {reach} over the network can call the processor: it listens on {' and '.join(open_)}"
        " without a token; add --token or --generate-token, or listen on 127.0.0.1"
    )


def _is_loopback(address: str) -> bool:
    found = ip_address(_without_zone(address))
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def _without_zone(address: str) -> str:
    """
    Cut off the zone, which names the network interface of a link-local address: `fe80::1%eth0`.
    """
    return address.partition("%")[0]
