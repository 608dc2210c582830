"""
Pages that a service brings along: the files of `--static DIR`, at `/api/builtin/static/`.

They are for people with a browser, which sends no token with a link that is clicked, so they are open to everybody;
what a page asks the processor needs the token as ever. Only regular files inside the folder are served, and no links
that lead out of it; there are no listings. A file is read whole on the front's thread, so large ones are refused.
"""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import unquote

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission import request_target
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, Builtin, text
from eas_host.front.http_date import http_date
from eas_host.system import contained_files

PREFIX: Final = b"/api/builtin/static/"
_INDEX: Final = "index.html"
_MAX_FILE: Final = 4 * 2**20
"""Bytes of the largest file: a page with its pictures, read in a millisecond."""


class Static(Builtin):
    """
    Serves the files below *folder*.
    """

    public = True
    methods = READING
    max_body = 0

    def __init__(self, access: Access, folder: str) -> None:
        super().__init__(access)
        self._folder = Path(folder).resolve()
        self._types = mimetypes.MimeTypes()  # of Python's own table: the system's may lack types or have wrong ones
        self._types.add_type("text/javascript", ".js")  # RFC 9239; Python knows it from 3.12 on

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer with the file that the path names, or say why not.
        """
        name = unquote(request_target.path_of(exchange.head.url)[len(PREFIX) :].decode("ascii", "replace"))
        path = self._find(name)
        if path is None:
            return text(answers.NO_SUCH_PATH, f"there is no file {name!r} here (--static)")
        try:
            with os.fdopen(contained_files.open_file(self._folder, path), "rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size > _MAX_FILE:
                    why = f"{name} is larger than {_MAX_FILE} bytes; serve it by other means"
                    return text(answers.FILE_REFUSED, why)
                data = file.read(_MAX_FILE)
        except OSError as error:
            return text(answers.FILE_REFUSED, f"{name}: {error.strerror}")
        # Without Cache-Control browsers guess, and show an old page to its author.
        extra = f"Last-Modified: {http_date(status.st_mtime)}\r\nCache-Control: no-cache\r\n"
        return Response(200, data, self._type_of(path), extra)

    def _find(self, name: str) -> PurePath | None:
        if "\0" in name:
            return None
        try:
            path = self._folder / name.lstrip("/")
            if path.is_dir():
                path /= _INDEX
            return contained_files.resolve_inside(self._folder, path) if path.is_file() else None
        except (OSError, RuntimeError):  # a name that is too long, a loop of links
            return None

    def _type_of(self, path: PurePath) -> str:
        kind = self._types.guess_type(path.name)[0] or "application/octet-stream"
        return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
