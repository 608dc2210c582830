"""
The front, as the user's process sees it: a child process, whose end has to be explained.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Final

from allspark.properties import store
from allspark.service import ServiceRequest
from eas_host.messages import LaunchRequest, encode
from eas_host.python_env import python_command
from eas_host.system.memory import prefer_as_oom_victim
from eas_host.unpatched import socketpair, start_process

_EXPLAINED: Final = (2, 3, 4)
"""Exit codes of a front that has printed the reason: those of the classes in `errors`."""


class FrontProcess:
    """
    Starts the front for the service of *request*.

    Attributes:
        socket: connects to the front. Only the front holds the other end, so that its death is noticed here.
    """

    def __init__(self, request: ServiceRequest) -> None:
        python_command.reopen_missing_stdio()
        self.socket, theirs = socketpair()
        launch_request = LaunchRequest(
            endpoint=request.endpoint,
            script=sys.argv[0] if sys.argv else "",
            processes=processes_of(request),
            properties={_text(name): _text(value) for name, value in tuple(store.values.items())},
        )
        command = python_command.command("eas_host.sidecar.front.main", theirs.fileno(), os.getpid())
        with contextlib.closing(theirs):
            self._process = start_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl+C is for the program
            )
        prefer_as_oom_victim(os.getpid(), self._process.pid)
        os.environ.pop("EAS_HOST_TOKEN", None)  # for the front only, not for what the program starts
        with contextlib.suppress(OSError):  # it may have died already; reading its handshake will tell
            self.socket.sendall(encode(launch_request))

    def exit_code(self, *, asked: bool) -> int:
        """
        Wait for the end of the front, and turn its exit code into that of this process.

        A code that the front has not explained itself is logged. So is 0 if the front has not *asked* this process to
        stop: where the program ignores SIGCHLD, every end has that code.
        """
        code = self._process.wait()
        if code in _EXPLAINED or (code == 0 and asked):
            return code
        from eas_host import log  # noqa: PLC0415  rarely needed

        how = f"ended with exit code {code}" if code else "has ended"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"died of {signal.Signals(-code).name}"
        log.write_error(f"the HTTP front (process {self._process.pid}) {how}; no request can arrive any more")
        return 1

    def kill_if_alive(self) -> bool:
        """
        Kill the front. Returns whether it was still running.
        """
        if self._process.poll() is not None:
            return False
        self._process.kill()
        return True


def processes_of(request: ServiceRequest) -> int:
    """
    Return how many worker processes the program wants; 1 if it reads its requests itself.
    """
    return request.processor.worker_processes if request.processor is not None else 1


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
