"""
What answers below the page's path: the files of the page, which everybody may have, and the service's state, which only
those may see who may change the service.
"""

from __future__ import annotations

from eas_host import answers
from eas_host.dispatch.exchange import Handler
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.access import Access
from eas_host.front.ui.events import Events
from eas_host.front.ui.failures import FailureList
from eas_host.front.ui.page_files import FILES, PageFile
from eas_host.front.ui.snapshot import Snapshot
from eas_host.front.ui.sources import UiSources


class Routes:
    """
    Knows the handlers. *access* says who may ask them, *sources* have what they show.
    """

    def __init__(self, access: Access, sources: UiSources) -> None:
        self._events = Events(access, sources.state, Snapshot(sources).as_json)
        self._handlers: dict[bytes, Handler] = {name.encode(): PageFile(access, name) for name in FILES}
        self._handlers |= {
            b"": self._handlers[b"index.html"],
            b"events": self._events,
            b"failures": FailureList(access, sources.state, sources.failures),
        }

    def find(self, name: bytes) -> Handler | ErrorResponse:
        """
        Find the handler of *name*.
        """
        missing = ErrorResponse(answers.NO_SUCH_PATH, "there is nothing at that path; the page is at ui/")
        return self._handlers.get(name) or missing

    def end_streams(self) -> None:
        """
        End the streams of updates, and begin no more.
        """
        self._events.close()
