"""
Clients that speak another protocol than HTTP/1 get a 400, and one line in the log names the protocol and says what to
do.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

import pytest

from eas_host.front.observe.throttled_log import ThrottledLog
from support.columns import columns
from support.host import Host
from support.ways import all_ways, refuses
from support.wire import Response, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 1}
BEHIND = request(body=b"body")
PROTOCOLS = {
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS handshake.*http://"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", "HTTP/2.*HTTP/1.1"),
    "PROXY, version 1": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + BEHIND, "PROXY protocol, version 1.*turn"),
    "PROXY, version 1, a health check": (b"PROXY UNKNOWN\r\n" + BEHIND, "PROXY protocol, version 1.*turn"),
    "PROXY, version 2": (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12) + BEHIND, "PROXY protocol, version 2.*turn"),
}


@columns("cpp-process")
@pytest.mark.parametrize(("data", "line"), PROTOCOLS.values(), ids=PROTOCOLS)
def test_foreign_protocol_answers_400_and_is_named_in_the_log(host: Host, data: bytes, line: str) -> None:
    """The bytes are cut in several ways. The client is told, too, as far as it can read that."""

    name = line.partition(".*")[0]

    def check(answer: Response) -> None:
        refuses(400)(answer)
        assert name in answer.text

    all_ways(host, data, check, closes=True)
    host.log.wait(f"400: 127.0.0.1 sent .*{line}")
    assert host.call(b"next").body == b"next"


@columns("cpp-process")
@pytest.mark.parametrize("data", [b"PROBES\r\n\r\n", b"\r\n\r\n\1\2\3\4", b"SSH-2.0-x\r\n", b"PRY * HTTP/2.0\r\n\r\n"])
def test_unknown_protocol_answers_400_without_a_warning(host: Host, data: bytes) -> None:
    """Such bytes are malformed, and no more."""
    all_ways(host, data, check_malformed, closes=True)
    assert "WARN" not in host.new_log()


def check_malformed(answer: Response) -> None:
    assert (answer.status, answer.text.startswith("malformed request")) == (400, True), answer


@columns("python-process")
def test_repeated_foreign_protocols_are_logged_once_each(host: Host) -> None:
    for _ in range(20):
        for data, _line in PROTOCOLS.values():
            with host.connect() as client:
                assert client.send(data).read().status == 400
    lines = host.new_log().splitlines()
    assert len([line for line in lines if "400: 127.0.0.1" in line]) == 4, lines


@columns("java-process")
def test_https_client_is_named_in_the_log(host: Host) -> None:
    context = ssl.create_default_context()
    with socket.create_connection(host.address, 10) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw, server_hostname="localhost")
    host.wait_for_log(r"\[WARNING\] .*400: 127\.0\.0\.1 sent a TLS handshake \(https\)")


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time the test sets."""

    now = 0.0

    def time(self) -> float:
        return self.now


def test_throttled_log_repeats_after_a_minute_with_the_count(caplog: pytest.LogCaptureFixture) -> None:
    loop = Clock()
    try:
        lines = ThrottledLog(loop)
        with caplog.at_level(logging.WARNING):
            for loop.now in (0.0, 1.0, 59.0, 61.0, 62.0, 300.0):
                lines.warn("TLS", f"at {loop.now}")
                lines.warn("PROXY", "another kind")
    finally:
        loop.close()
    messages = [record.getMessage() for record in caplog.records]
    assert [message for message in messages if message.startswith("at")] == [
        "at 0.0",
        "at 61.0 (2 more since the last such line)",
        "at 300.0 (1 more since the last such line)",
    ]
    assert len(messages) == 6
