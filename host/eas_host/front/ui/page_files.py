"""
The files of the page: HTML, style and scripts as they are, without a build step.

They say nothing about the service, so they need no token: a browser sends none when somebody types an address. Their
Content-Security-Policy lets a browser load nothing from elsewhere and run nothing inline, so that whatever a processor
or a client has put into a text stays text; and no other page may have this one in a frame, where it could be made to
click on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, Builtin

_FOLDER: Final = Path(__file__).with_name("page")
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES: Final = tuple(sorted(path.name for path in _FOLDER.iterdir() if path.suffix in _TYPES))

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Final = (
    f"Content-Security-Policy: {_POLICY}\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n"
)


class PageFile(Builtin):
    """
    Answers with the file *name*. It is read each time: nothing of it stays in memory.
    """

    public = True
    methods = READING
    max_body = 0

    def __init__(self, access: Access, name: str) -> None:
        super().__init__(access)
        self._path = _FOLDER / name

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer with the file.
        """
        return Response(200, self._path.read_bytes(), _TYPES[self._path.suffix], _HEADERS)
