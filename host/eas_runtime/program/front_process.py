"""
The front, as the user's process sees it: a child process, whose end has to be explained.
"""

import contextlib
import os
import signal
import subprocess
import sys

from allspark.properties import store
from allspark.service import ServiceRequest
from eas_runtime import stdio
from eas_runtime.linking import import_hook
from eas_runtime.linking.host_command import host_command
from eas_runtime.messages import LaunchRequest, encode
from eas_runtime.unpatched import socketpair, start_process

_EXPLAINED = (2, 3, 4)
"""Exit codes of a front that has printed the reason: those of the classes in `errors`."""


_OF_ONE_PYTHON = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")
"""Variables with paths for this program's Python, which the host's, another one, must not follow."""


class FrontProcess:
    """
    Starts the front for the service of *request*.

    Attributes:
        socket: connects to the front. Only the front holds the other end, so that its death is noticed here.
    """

    def __init__(self, request: ServiceRequest) -> None:
        stdio.reopen_missing()
        self.socket, theirs = socketpair()
        launch_request = LaunchRequest(
            endpoint=request.endpoint,
            script=sys.argv[0] if sys.argv else "",
            processes=processes_of(request),
            properties={_text(name): _text(value) for name, value in tuple(store.values.items())},
        )
        with contextlib.closing(theirs):
            self._process = _start(theirs.fileno())
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
        from eas_runtime import log  # noqa: PLC0415  rarely needed

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


def _start(control: int) -> "subprocess.Popen[bytes]":
    """
    Start the front, with its end of the *control* socket, on the host's own Python.

    Raises:
        SystemExit: that Python is not there any more.
    """
    python = import_hook.host_python()
    environment = dict(os.environ)
    if python != sys.executable:
        for name in _OF_ONE_PYTHON:
            environment.pop(name, None)
    try:
        return start_process(
            host_command(python, "eas_host.sidecar.main", control, os.getpid()),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[control],
            start_new_session=True,  # Ctrl+C is for the program
        )
    except OSError as error:
        if python == sys.executable:
            raise
        raise SystemExit(
            f"eas-host: {python}, the Python of the eas-host that this environment is linked to, cannot be started:"
            f" {error.strerror}; renew the link with `eas-host pysdk init --link DIR`"
        ) from error


def processes_of(request: ServiceRequest) -> int:
    """
    Return how many worker processes the program wants; 1 if it reads its requests itself.
    """
    return request.processor.worker_processes if request.processor is not None else 1


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
