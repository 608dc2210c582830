"""
A real HTTP server for downloads, which can misbehave on demand.

Each file has a plan: what happens to its next requests, one act each. When the plan is used up, the file is served as a
good server does: with validators, ranges and 304. The server remembers every request with its headers.
"""

from __future__ import annotations

import email.utils
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from support import TIMEOUT


@dataclass
class RecordedRequest:
    """One request and the status that it got; 0 if none."""

    path: str
    headers: dict[str, str]
    status: int = 0


@dataclass
class File:
    """One file, as it is now; a test changes it at will."""

    body: bytes
    etag: str | None = None
    modified: float | None = None
    ranges: bool = True
    conditional: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    plan: list[Act] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def log_message(self, *_: object) -> None:
        pass

    def send_response(self, code: int, message: str | None = None) -> None:
        self.seen.status = code
        super().send_response(code, message)

    def do_GET(self) -> None:
        self.close_connection = True
        self.seen = RecordedRequest(self.path, dict(self.headers.items()))
        self.server.requests.append(self.seen)
        file = self.server.files.get(unquote(self.path.partition("?")[0]))
        if file is None:
            status(404)(self, File(b""))
        else:
            (file.plan.pop(0) if file.plan else serve)(self, file)

    def head(self, code: int, length: int | None, **headers: str) -> None:
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def facts(self, file: File) -> dict[str, str]:
        """The headers that describe *file*."""
        facts = dict(file.headers)
        if file.etag is not None:
            facts["ETag"] = file.etag
        if file.modified is not None:
            facts["Last-Modified"] = email.utils.formatdate(file.modified, usegmt=True)
        return facts

    def answer(self, file: File) -> tuple[int, bytes, dict[str, str]]:
        """What a good server says: status, body, headers."""
        facts = self.facts(file)
        asked = self.headers
        if file.conditional:
            known = asked["If-None-Match"] or asked["If-Modified-Since"]
            if known and known in {facts.get("ETag"), facts.get("Last-Modified")}:
                return 304, b"", facts
        if file.ranges and asked["Range"]:
            condition = asked["If-Range"]
            if condition is None or condition in {facts.get("ETag"), facts.get("Last-Modified")}:
                begin = int(asked["Range"].removeprefix("bytes=").removesuffix("-"))
                if begin >= len(file.body):
                    return 416, b"", facts
                total = len(file.body)
                return 206, file.body[begin:], {**facts, "Content-Range": f"bytes {begin}-{total - 1}/{total}"}
        return 200, file.body, facts


Act = Callable[[Handler, File], None]


def serve(handler: Handler, file: File) -> None:
    """Serves as a good server does."""
    code, body, facts = handler.answer(file)
    handler.head(code, None if code == 304 else len(body), **facts)
    handler.wfile.write(body)


def status(code: int, **headers: str) -> Act:
    """Answers with *code* and a page, which must not become the file."""
    page = b"<html>an error page</html>"

    def act(handler: Handler, _: File) -> None:
        handler.head(code, len(page), **headers)
        handler.wfile.write(page)

    return act


def redirect(target: str, code: int = 302) -> Act:
    return status(code, Location=target)


def cut(after: int) -> Act:
    """Closes the connection after *after* bytes of the body."""
    return lying(0, after)


def lying(difference: int, after: int | None = None) -> Act:
    """Announces *difference* bytes more than there are."""

    def act(handler: Handler, file: File) -> None:
        code, body, facts = handler.answer(file)
        handler.head(code, len(body) + difference, **facts)
        handler.wfile.write(body[:after])

    return act


def announcing(length: str) -> Act:
    """Writes *length* where the body's length belongs."""

    def act(handler: Handler, file: File) -> None:
        handler.head(200, None, **handler.facts(file), Content_Length=length)
        handler.wfile.write(file.body)

    return act


def chunked(size: int, cut: bool = False) -> Act:
    """Serves in chunks, and with *cut* leaves out the last one, which is empty."""

    def act(handler: Handler, file: File) -> None:
        handler.head(200, None, **handler.facts(file), Transfer_Encoding="chunked")
        for at in range(0, len(file.body), size):
            piece = file.body[at : at + size]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"" if cut else b"0\r\n\r\n")

    return act


def without_length(handler: Handler, file: File) -> None:
    """Ends the body with the connection, as HTTP/1.0 does."""
    handler.head(200, None, **handler.facts(file))
    handler.wfile.write(file.body)


def raw(answer: bytes) -> Act:
    """Sends *answer*, whatever that is."""

    def act(handler: Handler, _: File) -> None:
        handler.wfile.write(answer)

    return act


class PacedBody:
    """A body that comes piece by piece, each when the test says so."""

    def __init__(self, piece: int) -> None:
        self._piece = piece
        self._turns = threading.Semaphore(0)
        self._sent = threading.Semaphore(0)
        self.closed = threading.Event()

    def __call__(self, handler: Handler, file: File) -> None:
        code, body, facts = handler.answer(file)
        handler.head(code, len(body), **facts)
        for at in range(0, len(body), self._piece):
            self._sent.release()
            if not self._turns.acquire(timeout=TIMEOUT) or self.closed.is_set():
                return
            handler.wfile.write(body[at : at + self._piece])
            handler.wfile.flush()

    def wait(self) -> None:
        """Waits until the server is about to send the next piece."""
        assert self._sent.acquire(timeout=TIMEOUT), "nobody asks for the next piece"

    def send_piece(self) -> None:
        """Sends one piece."""
        self._turns.release()

    def close(self) -> None:
        """Ends the connection instead of sending the next piece."""
        self.closed.set()
        self._turns.release()

    def open(self) -> None:
        """Sends all pieces that are left."""
        for _ in range(10_000):
            self._turns.release()


class FileServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, File] = {}
        self.requests: list[RecordedRequest] = []

    def handle_error(self, *_: object) -> None:
        pass  # a client that leaves in the middle is what some tests are about

    def put(self, path: str, body: bytes, **facts: object) -> File:
        """Adds a file. It has an ETag unless *facts* say otherwise."""
        file = File(body, **{"etag": '"1"', **facts})  # type: ignore[arg-type]
        self.files[path] = file
        return file

    def url(self, path: str, user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.server_port}{path}"

    def statuses(self) -> list[int]:
        return [seen.status for seen in self.requests]


@contextmanager
def running() -> Iterator[FileServer]:
    """Starts a server, and stops it after the block."""
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
