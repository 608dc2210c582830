"""
Another token while the host serves: from the file of `--token @FILE`, when that changes, and from whoever puts
`rpc.token`. The newest counts.

The file is looked at once a second: one `stat`, some 2 µs. It is read when it has been the same for two looks, since
who writes it where it is may be in the middle; Kubernetes and editors put a new one in its place, by a link or a
rename, and a second later is as good for them. A file that cannot be used changes nothing, so a mistake locks nobody
out.
"""

from __future__ import annotations

import time

from eas_host import log
from eas_host.config.token_file import OlderToken, TokenFile, look_at, read_token_file, renewed_mark, utc_time
from eas_host.front.admission.tokens import Auth
from eas_host.front.open_connections import OpenConnections
from eas_host.front.settings.properties import TOKEN, Properties, Source


class TokenRenewal:
    """
    Has *auth* ask for the newest token.

    Args:
        file: what the file has said at the start; None if the token is from none.
        auth: asks for it.
        properties: `rpc.token` is put there, by which programs learn of it.
        connections: each has decided about its last head by the tokens of that moment.
    """

    def __init__(
        self, file: TokenFile | None, auth: Auth, properties: Properties, connections: OpenConnections
    ) -> None:
        self._file = file
        self._judged = self._seen = None if file is None else file.signature
        self._auth = auth
        self._properties = properties
        self._connections = connections
        properties.on(TOKEN, self._set_token)

    def look(self) -> None:
        """
        Drop older tokens whose time is over, and read the file again if it has changed. Called once a second.
        """
        if self._file is None:
            return
        for one in self._auth.drop_older(time.time()):
            log.info("a token that was valid until %s is not accepted any more", utc_time(one.until or 0))
            self._connections.invalidate_head_caches()
        if self._file.signature is None:
            return
        seen, before = look_at(self._file.path), self._seen
        self._seen = seen
        if seen == before and seen != self._judged:
            self._judged = seen
            self._read(self._file)

    def _read(self, old: TokenFile) -> None:
        try:
            file = read_token_file(old.path, may_wait=False)  # on the event loop
        except ValueError as error:
            log.warning("the token file has changed and is of no use: %s; the token stays as it was", error)
            return
        self._judged = file.signature
        self._file = file
        if (file.token, file.older) == (old.token, old.older):
            return
        log.info("the token file %s has changed: %s%s", file.path, renewed_mark(file.token), _beside(file.older))
        if self._properties.get(TOKEN) == file.token:
            self._set_token(file.token)
        else:
            self._properties.put_all({TOKEN: file.token}, Source.OPERATOR)

    def _set_token(self, token: str | None) -> None:
        """
        Ask for *token* from now on; None asks for none. What the file has beside another token does not count then.
        """
        belongs = self._file is not None and self._file.token == token
        self._auth.set_token(token, self._file.older if self._file is not None and belongs else ())
        self._auth.drop_older(time.time())
        self._connections.invalidate_head_caches()


def _beside(older: tuple[OlderToken, ...]) -> str:
    """
    Say which tokens are accepted beside that of a file.
    """
    times = ["until it is taken out" if one.until is None else f"until {utc_time(one.until)}" for one in older]
    return f", and {len(older)} older, {', '.join(times)}" if older else ", and no other"
