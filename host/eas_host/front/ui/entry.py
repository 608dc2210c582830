"""
What a host has of its page from its start on: next to nothing, since most hosts are never looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eas_host import answers
from eas_host.dispatch.exchange import Exchange, Handler
from eas_host.dispatch.responses import ErrorResponse, Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, Builtin
from eas_host.front.ui.sources import UiSources

if TYPE_CHECKING:
    from eas_host.front.ui.routes import Routes

PREFIX: Final = b"/api/builtin/ui/"


class UiEntry(Builtin):
    """
    `ui`: leads to the page, and finds what answers below it. The page shows what *sources* have.
    """

    public = True
    methods = READING
    max_body = 0

    def __init__(self, access: Access, sources: UiSources) -> None:
        super().__init__(access)
        self._sources = sources
        self._routes: Routes | None = None

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer that the page is below. The target is relative: a proxy may have cut off a part of the path.
        """
        return Response(answers.PAGE_IS_BELOW.status, b"the page is at ui/\n", extra="Location: ui/\r\n")

    def find(self, name: bytes) -> Handler | ErrorResponse:
        """
        Find what answers requests to *name*, a path below the page's.
        """
        if self._routes is None:
            from eas_host.front.ui.routes import Routes  # noqa: PLC0415  most hosts never show their page

            self._routes = Routes(self._access, self._sources)
        return self._routes.find(name)

    def end_streams(self) -> None:
        """
        End the streams of updates, and begin no more: the host stops.
        """
        if self._routes is not None:
            self._routes.end_streams()
