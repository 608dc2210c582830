"""
A client that sends exactly the bytes it is told to, over one blocking socket, and reads what comes back with
a parser of its own.

`http.client` would hide what these tests are about: half a request, two at once, a body that stops, a
connection that is closed or is not. Every answer is read strictly: a byte more or less than its framing says
is a failure.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from support import TIMEOUT

if TYPE_CHECKING:
    from typing_extensions import Self

MAGIC = b"\0\xff\0do "  # what the contract processors take for a command; see processors/cpp/contract.cc
Address = tuple[str, int]


def command(verb: str, argument: bytes | str = b"") -> bytes:
    """The input that makes a contract processor obey *verb*."""
    return MAGIC + verb.encode() + b":" + (argument.encode() if isinstance(argument, str) else argument)


def request(
    method: str = "POST",
    path: str = "/api/predict/contract",
    body: bytes | None = None,
    headers: Iterable[tuple[str, str]] = (),
    version: str = "HTTP/1.1",
) -> bytes:
    """A well-formed request; a *body* brings its Content-Length, None brings neither."""
    lines = [
        f"{method} {path} {version}",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(body: bytes, size: int) -> bytes:
    """*body* in chunks of *size* bytes, with the last chunk."""
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@dataclass(frozen=True)
class Response:
    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str | None:
        """The value of the header *name*, which may be there once at most."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def message(self) -> str:
        """The text without the processor's frames, which the answer to an exception has on this machine."""
        return re.sub(r"(\n  at .+)+\n$", "", self.text)

    def __str__(self) -> str:
        shown = self.body if len(self.body) < 500 else self.body[:500] + b"..."
        return f"{self.status} {self.reason} {dict(self.headers)} {shown!r}"


class ConnectionEnded(AssertionError):
    """The server closed the connection where an answer was expected."""


LARGE = 1 << 18  # bytes


class Client:
    """
    One connection. Everything that it reads must arrive within `TIMEOUT`.
    """

    def __init__(self, address: Address, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
        try:
            if receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.settimeout(TIMEOUT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.connect(address)
        except BaseException:
            self.socket.close()
            raise
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Goes away the rude way: the server's next write fails."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def half_close(self) -> None:
        """Says that no more will be sent; answers are still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def send_bytewise(self, data: bytes) -> Client:
        """
        One packet per byte. A server that refuses midway may have closed already; its answer is there to be
        read.
        """
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for at in range(len(data)):
                self.socket.sendall(data[at : at + 1])
        return self

    def send_until_refused(self, data: bytes) -> Client:
        """Sends what the server takes; one that has refused the request may close before it has all of it."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.socket.sendall(data)
        return self

    def call(self, body: bytes | None = b"", path: str = "/api/predict/contract", method: str = "POST") -> Response:
        """One ordinary request and its answer."""
        return self.send(request(method, path, body)).read(method)

    def read(self, method: str = "POST") -> Response:
        """
        Reads one answer, to a request made with *method*. An interim answer (100 Continue) is an answer of
        its own.
        """
        head = self.read_head()
        return replace(head, body=self.read_body(head, method))

    def read_head(self) -> Response:
        """Reads the head of one answer; its body is to be read by `read_chunk` or `read_body`."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *reason = head[0].split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"not a status line: {head[0]!r}"
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:]))
        return Response(version, int(status), " ".join(reason), headers, b"")

    def read_chunk(self) -> bytes:
        """Reads the next chunk of a body; b"" is the last one."""
        size = int(self._until(b"\r\n").split(b";")[0], 16)
        chunk = self._exactly(size)
        assert self._exactly(2) == b"\r\n"
        return chunk

    def read_body(self, head: Response, method: str = "POST") -> bytes:
        """Reads all of the body that *head* announces."""
        if method == "HEAD" or head.status < 200 or head.status in (204, 304):
            return b""
        if (head.get("Transfer-Encoding") or "").lower() == "chunked":
            return self._chunks()
        length = head.get("Content-Length")
        if length is not None:
            return self._exactly(int(length))
        assert head.version == "HTTP/1.0" or (head.get("Connection") or "").lower() == "close", (
            f"unframed answer: {head}"
        )
        return self.read_to_end()

    def _chunks(self) -> bytes:
        body = bytearray()
        while chunk := self.read_chunk():
            body += chunk
        return bytes(body)

    def _until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._receive()
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _exactly(self, size: int) -> bytes:
        if size - len(self._buffer) >= LARGE:
            return self._large(size)
        while len(self._buffer) < size:
            self._receive()
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def _large(self, size: int) -> bytes:
        """*size* bytes, of which few have come: received where they are to be, since the tests read gigabytes."""
        found = bytearray(size)
        came = len(self._buffer)
        found[:came] = self._buffer
        self._buffer.clear()
        with memoryview(found) as rest:
            while came < size:
                count = self.socket.recv_into(rest[came:])
                if count == 0:
                    raise ConnectionEnded(f"the server closed the connection after {bytes(found[:200])!r}")
                came += count
        return bytes(found)

    def _receive(self) -> None:
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionEnded(f"the server closed the connection after {bytes(self._buffer[:200])!r}")
        self._buffer += data

    def read_to_end(self) -> bytes:
        """All that comes until the server closes the connection."""
        return self.read_to_close_or_reset()[0]

    def read_to_close_or_reset(self) -> tuple[bytes, bool]:
        """The same, and whether the server has closed the connection in order, not by a reset."""
        closed = True
        try:
            while True:
                self._receive()
        except ConnectionEnded:
            pass
        except ConnectionResetError:
            closed = False
        rest, self._buffer = bytes(self._buffer), bytearray()
        return rest, closed

    def is_closed(self) -> bool:
        """
        Waits for the server's end of the connection; False when another byte comes first.

        A reset counts: a server that refuses a request with its body still on the way may close before it has
        read it all.
        """
        return self.read_to_end() == b""

    def is_silent(self) -> bool:
        """Whether nothing has come that was not read yet: no byte, no end. Looks, does not wait."""
        return self.waits_for_an_answer(0)

    def waits_for_an_answer(self, seconds: float) -> bool:
        """Whether nothing has come, and nothing comes within *seconds*."""
        return not self._buffer and not select.select([self.socket], [], [], seconds)[0]

    def has_unread(self) -> bool:
        """Waits until something has come that was not read yet."""
        return bool(self._buffer or select.select([self.socket], [], [], TIMEOUT)[0])

    def wait_hang_up(self, timeout: float = TIMEOUT) -> bool:
        """Waits until the server gives the connection up, without reading a byte of what it sent."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(timeout * 1000))
