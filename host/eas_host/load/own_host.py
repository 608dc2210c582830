"""
A host for the time of a run: what `eas-host` would serve, in a process of its own, on a free port of this machine.

It is a fork, which has the deployment as it was prepared. It lives as long as its parent holds the other end of a pipe,
so it ends with its parent, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn
from urllib.parse import quote

from eas_host import log
from eas_host.deploy.deployment import Deployment
from eas_host.service.host import ServiceHost, run_host
from eas_host.system.exit_code import run_to_exit_code

if TYPE_CHECKING:
    from typing_extensions import Self

_MOST_BYTES: Final = 65536
"""More than a report has."""


class Started(NamedTuple):
    """
    What a host tells its parent.

    Attributes:
        url: the URL of its first processor.
        threads: how many requests that processor runs at once in all its worker processes.
    """

    url: str
    threads: int


class MeasuredHost(ServiceHost):
    """
    Serves *deployment*. It writes a `Started` to the descriptor *report* once it serves, and stops at the end of what
    it reads from *parent*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deployment: Deployment, report: int, parent: int) -> None:
        super().__init__(loop, deployment, lambda: deployment, None)
        self._processor = deployment.processors[0]
        self._report = report
        self._parent = parent
        loop.add_reader(parent, self._on_end_of_parent)

    def _announce(self) -> None:
        model = f"/{quote(self._processor.name)}" if self._processor.name else ""
        started = Started(f"{self.url}{model}", self._backend.capacity.threads)
        os.write(self._report, json.dumps(started).encode())
        os.close(self._report)

    def _warn_of_root(self) -> None:
        """
        Say nothing: it serves nobody but its user.
        """

    def _on_end_of_parent(self) -> None:
        self.loop.remove_reader(self._parent)
        self.stop()


class OwnHost:
    """
    A host with *deployment*, from `start` to the end of the `with` block.

    Attributes:
        deployment: what it serves.
        pid: its process.
        exit_code: that of the process, once it has ended.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = replace(deployment, config=replace(deployment.config, reload=False, explain=True))
        self.pid = 0
        self.exit_code: int | None = None
        self._parent_end = -1
        self._report = -1

    def start(self) -> Started | None:
        """
        Start it. Returns None if it has ended, with a word to its user.
        """
        self._report, report = os.pipe()
        lifeline, self._parent_end = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._parent_end)
            os.close(self._report)
            self._serve(report, lifeline)
        os.close(report)
        os.close(lifeline)
        report_text = os.read(self._report, _MOST_BYTES)
        if report_text:
            return Started(*json.loads(report_text))
        self._wait()
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (self._parent_end, self._report):
            if fd >= 0:
                os.close(fd)
        if self.pid and self.exit_code is None:
            self._wait()

    def _serve(self, report: int, lifeline: int) -> NoReturn:
        """
        Be the host.
        """
        os.setsid()  # Ctrl+C is for the parent, which then ends this host
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log.show_each_once()  # thousands of requests may meet the same exception, and the report counts them
        deployment = self.deployment
        code = 1
        try:
            code = run_to_exit_code(
                lambda: run_host(deployment.config, lambda loop: MeasuredHost(loop, deployment, report, lifeline))
            )
        finally:
            os._exit(code)

    def _wait(self) -> None:
        with contextlib.suppress(ChildProcessError):
            self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
