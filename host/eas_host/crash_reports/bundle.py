"""
A folder for each crash, in `--crash-dir`: what is known of it, and what it takes to have it again.

    20261129-171502-1f0c9a27/
        report.txt    the command that runs the request again, and below it what the log says
        report.json   the same for programs
        input         the whole body of the request; input-2 and so on, if several are to blame
        hs_err.log    the report of a JVM that has crashed
        sanitizer.txt the report of a sanitizer that has ended the process

What a sanitizer finds in a process that goes on has such a folder, too, if it is the first of its kind: without a
request, since no report names one.

The newest `KEPT` folders stay. Nothing here may disturb the service: files are written in a thread, and where they
cannot be written the log says so, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eas_host import __version__, log
from eas_host.crash_reports.report import CrashReport
from eas_host.ring import Crash
from eas_host.symbols.sanitizer_report import SanitizerReport

KEPT: Final = 20
_INPUT: Final = "input"
_JVM_REPORT: Final = "hs_err.log"
_SANITIZER_REPORT: Final = "sanitizer.txt"
_PATTERN: Final = "[0-9]*-[0-9]*-*"


class CrashBundles:
    """
    Writes bundles into *folder*, which is made when it is needed. *target* are the words that name the processor to the
    command `invoke`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, target: Sequence[str]) -> None:
        self._loop = loop
        self._folder = folder.absolute()
        self._target = target
        self._failed = False

    def write(self, report: CrashReport, prefix: str, detail: str) -> None:
        """
        Write the bundle of *report*. *prefix* names the worker; *detail* is added to the text.
        """
        self._write_later(report.id, lambda folder: self._files(folder, report, prefix, detail))

    def write_sanitizer_report(self, report: SanitizerReport, number: str, prefix: str) -> None:
        """
        Write the bundle of *report*, which the log has by its *number*, after which the process has gone on.
        """
        described = {"id": number, **_of_this_host(), "cause": report.headline, "frames": list(report.frames)}
        line = f"{prefix}{report.headline} (report {number}, eas-host {__version__})"
        files = {
            "report.txt": f"{line}\n{report.trace}\n".encode(),
            "report.json": _json(described),
            _SANITIZER_REPORT: f"{report.text}\n".encode(),
        }
        self._write_later(number, lambda _: files)

    def _write_later(self, number: str, make_files: Callable[[Path], Mapping[str, bytes]]) -> None:
        folder = self._folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{number}"
        self._loop.run_in_executor(None, self._write, folder, make_files)

    def _write(self, folder: Path, make_files: Callable[[Path], Mapping[str, bytes]]) -> None:
        try:
            folder.mkdir(parents=True, mode=0o700)  # a body may be anybody's secret
            for name, content in make_files(folder).items():
                (folder / name).write_bytes(content)
            self._remove_oldest()
        except OSError as error:
            if not self._failed:
                log.warning("%s: %s; reports of crashes cannot be written (--crash-dir)", folder, error.strerror)
            self._failed = True

    def _files(self, folder: Path, report: CrashReport, prefix: str, detail: str) -> dict[str, bytes]:
        inputs = [_INPUT if not number else f"{_INPUT}-{number + 1}" for number in range(len(report.requests))]
        bodies = {name: request.body or b"" for name, request in zip(inputs, report.requests, strict=True)}
        crash = report.process.crash
        command = self._command(folder / inputs[0]) if inputs else ""
        return {
            **bodies,
            **({} if crash is None else dict(_whole_reports(crash))),
            "report.txt": _text(report, prefix, detail, command).encode(),
            "report.json": _json(_described(report, inputs, command)),
        }

    def _command(self, body: Path) -> str:
        return shlex.join(["eas-host", "invoke", *self._target, "--data-binary", f"@{body}"])

    def _remove_oldest(self) -> None:
        for old in sorted(self._folder.glob(_PATTERN))[:-KEPT]:
            with contextlib.suppress(OSError):
                shutil.rmtree(old)


def _whole_reports(crash: Crash) -> Iterator[tuple[str, bytes]]:
    """
    Yield the reports of a JVM or of a sanitizer, each with the name of its file.
    """
    if crash.jvm_report:
        yield _JVM_REPORT, crash.jvm_report.encode()
    if crash.sanitizer_report:
        yield _SANITIZER_REPORT, f"{crash.sanitizer_report}\n".encode()


def _text(report: CrashReport, prefix: str, detail: str, command: str) -> str:
    again = f"To run it again:\n  {command}\n\n" if command else ""
    below = "".join(f"\n{text}" for text in (report.details, detail) if text)
    return f"{again}{prefix}{report.text(f'eas-host {__version__}')}{below}\n"


def _described(report: CrashReport, inputs: Sequence[str], command: str) -> dict[str, Any]:
    process = report.process
    return {
        "id": report.id,
        **_of_this_host(),
        "cause": f"{report.cause}{report.explanation}",
        "process": process.pid,
        "status": process.status,
        "signal": None if process.crash is None else process.crash.signal,
        "frames": list(report.frames),
        "requests": [
            {"request": one.line, "size": one.size, "client": one.peer, "id": one.number, "input": name}
            for one, name in zip(report.requests, inputs, strict=True)
        ],
        "command": command or None,
    }


def _of_this_host() -> dict[str, str]:
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "version": __version__}


def _json(described: Mapping[str, Any]) -> bytes:
    return (json.dumps(described, indent=2) + "\n").encode()
