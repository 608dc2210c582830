"""
Makes the reports of dead workers: knows how requests look in the log, and whether their bodies are kept.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.config import HostConfig
from eas_host.crash_reports.bundle import CrashBundles
from eas_host.crash_reports.log import CrashLog
from eas_host.crash_reports.report import ID_BYTES, CrashReport, FailedRequest
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import NO_PEER, REQUEST_ID, Exchange
from eas_host.symbols.sanitizer_report import SanitizerReport

_MAX_REQUEST_ID: Final = 64
"""Characters of it that are shown."""


class CrashReporter:
    """
    Reports the deaths of workers of *backend*.

    Args:
        loop: the front's loop.
        config: says whether reports are written into files.
        backend: has the requests.
        target: the words that name the processor to the command `invoke`.

    Attributes:
        log: writes reports into the log.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: HostConfig, backend: Backend, target: Sequence[str]
    ) -> None:
        self.log = CrashLog(loop)
        self._dispatcher = backend.dispatcher
        self._describe_request = backend.describe_request
        self._note_failure = backend.note_failure
        self._bundles = None if config.crash_dir is None else CrashBundles(loop, Path(config.crash_dir), target)

    def add(self, report: CrashReport, slot: int) -> None:
        """
        Note in *report* that the process ran the request in *slot*, which is about to be freed.
        """
        content = self._dispatcher.content(slot)
        if content is None:
            return
        peer = content.responder.peer if isinstance(content, Exchange) else content.peer
        number = content.head.fields.get(REQUEST_ID, b"").decode("ascii", "backslashreplace")
        report.requests.append(
            FailedRequest(
                self._describe_request(content.head),
                content.size,
                "" if peer == NO_PEER else peer,
                number[:_MAX_REQUEST_ID],
                self._dispatcher.body(slot) if self._bundles is not None else None,
            )
        )

    def keep(self, report: CrashReport, prefix: str, detail: str = "") -> None:
        """
        Have the front remember *report*, and write its files, if the user wants that. *prefix* names the worker;
        *detail* says why its process could not load, if it could not, and is added.
        """
        why, _, below = detail.partition("\n")
        requests = ", ".join([*map(str, report.requests), f"crash {report.id}"])
        self._note_failure(why or f"{report.cause}{report.explanation}", requests, below if why else report.trace)
        if self._bundles is not None:
            self._bundles.write(report, prefix, detail)

    def report_sanitizer(self, report: SanitizerReport, prefix: str) -> None:
        """
        Log what a sanitizer has found in a process that has gone on, and keep the first of a kind as `keep` does.
        """
        number = os.urandom(ID_BYTES).hex()
        is_first = self.log.write_sanitizer_report(report, number, prefix)
        if is_first and self._bundles is not None:
            self._bundles.write_sanitizer_report(report, number, prefix)
