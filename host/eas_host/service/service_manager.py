"""
What a service manager is told that has started the host: that the service takes requests, that the host stops, and from
time to time that it is alive.

systemd asks for that in a unit of Type=notify: NOTIFY_SOCKET is the address of a socket that takes such lines
(sd_notify(3)), and WATCHDOG_USEC says after how many microseconds without one the host counts as hanging
(sd_watchdog_enabled(3)).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping
from typing import Final

from eas_host import log

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
_WATCHED: Final = "WATCHDOG_PID"
_SIGNS_OF_LIFE: Final = 2  # in the time after which the host counts as hanging, as systemd advises


class ServiceManager:
    """
    Tells the service manager that *environ* names, if it names one. The variables are taken out: what a processor
    starts is not the service.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, environ: MutableMapping[str, str] | None = None) -> None:
        variables = os.environ if environ is None else environ
        self._loop = loop
        self._address = variables.pop(_SOCKET, "")
        watched = variables.pop(_WATCHED, "")
        microseconds = variables.pop(_WATCHDOG, "")
        is_watched = microseconds.isdigit() and watched in ("", str(os.getpid()))
        self._pause = int(microseconds) / 1e6 / _SIGNS_OF_LIFE if is_watched else 0.0
        self._timer: asyncio.TimerHandle | None = None

    def tell_ready(self, status: str) -> None:
        """
        Tell that the service takes requests, and its *status* in words. From now on the loop has to show that it runs.
        """
        self._tell("READY=1", f"STATUS={status}")
        if self._address and self._pause:
            self._show_life()

    def tell_stopping(self) -> None:
        """
        Tell that the host stops, once its requests are answered.
        """
        self._tell("STOPPING=1", "STATUS=answers the requests that it has")

    def close(self) -> None:
        """
        Tell no more.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._address = ""

    def _show_life(self) -> None:
        self._timer = self._loop.call_later(self._pause, self._show_life)
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            log.warning("%s=%s: %s; the service manager is not told anything", _SOCKET, self._address, error.strerror)
            self.close()
