"""
Where programs post the metrics that they make up themselves.
"""

from __future__ import annotations

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, WRITING, Builtin, as_json, read_json, text
from eas_host.front.builtin.user_metrics import UserMetrics


class RealtimeMetrics(Builtin):
    """
    `realtime_metrics`: POST of a JSON array of `{"name": text, "value": number, "tags": {text: text}}`, tags optional,
    keeps the newest value of each name and tags; if one item is wrong, nothing is kept. The form is documented
    (docs/eas-compatibility.md, section 4.5), unlike what the other handlers do. `?internal=true`, which some programs
    add, means nothing here.

    GET answers with all of them in the same form; that is our choice.
    """

    changes = WRITING

    def __init__(self, access: Access, metrics: UserMetrics) -> None:
        super().__init__(access)
        self._metrics = metrics

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Keep or show, as the method says.
        """
        if exchange.head.method in READING:
            return as_json(self._metrics.items())
        try:
            self._metrics.put(read_json(body))
        except ValueError as error:
            return text(answers.WRONG_CONTENT, str(error))
        return text(answers.HANDLED, "OK")
