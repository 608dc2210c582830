"""
How requests look in the log: neither with the service's token nor with one that an operator puts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from eas_host import log
from eas_host.front.admission.tokens import Auth
from eas_host.front.settings.properties import HIDDEN, TOKEN
from eas_host.log.masking import mask_secrets

if TYPE_CHECKING:
    from eas_host.dispatch.exchange import Exchange, RequestHead


class RequestLog:
    """
    Writes lines about requests. *auth* knows the tokens.
    """

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def line(self, head: RequestHead) -> str:
        """
        Return method and target of the request with *head*, escaped to stand between quotes in a log.
        """
        target = head.url.decode("ascii", "backslashreplace").replace('"', "\\x22")
        if TOKEN in unquote(target):
            target = f"{target.partition('?')[0]}?{HIDDEN}"
        target = mask_secrets(target, self._auth.tokens)
        return f"{head.method.decode('ascii', 'replace') or '-'} {target or '-'}"

    def access(self, exchange: Exchange, status: int, size: int, seconds: float) -> None:
        """
        Write the line of `--access-log` about *exchange*, answered *seconds* after its first byte.
        """
        milliseconds = seconds * 1000
        log.access(f'{exchange.responder.peer} "{self.line(exchange.head)}" {status} {size} {milliseconds:.0f}ms')
