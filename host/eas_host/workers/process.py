"""
One worker process, as the front sees it: start it, read what it writes, learn of its death.

It is a new program, never a fork of this one, in a session of its own: Ctrl+C reaches the host alone, and whatever
the processor has started can be ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eas_host import log
from eas_host.binaries import sanitizer
from eas_host.crash_reports import python_report
from eas_host.crash_reports.sanitizer_reports import SanitizerReports
from eas_host.python_env import python_command
from eas_host.ring import Crash, FrontRing
from eas_host.ring.front import SANITIZER
from eas_host.symbols.crash import explain_then
from eas_host.symbols.locator import locator_of
from eas_host.symbols.log_record import LocatedRecords
from eas_host.symbols.sanitizer_report import SanitizerReport
from eas_host.system.daemon_threads import run_in_daemon_thread
from eas_host.system.memory import prefer_as_oom_victim
from eas_host.workers.message_writer import MessageWriter
from eas_host.workers.pipe_reader import RECORD_END, RecordReader, log_records, message_reader
from eas_runtime.messages import Message
from eas_runtime.worker_spec import WorkerSpec

if TYPE_CHECKING:
    from eas_host.sandbox.confinement import Confinement

_ALL_CHILDREN: Final = 0x40000000
"""__WALL of <linux/wait.h>: also those that were made by clone() and send no signal at their end, as eas-guardian."""
_MAX_REPORT: Final = 4 << 20
"""Bytes that are read of what a JVM or a Python says of its own end; the report of a JVM has some hundred thousand."""
_REAP_SECONDS: Final = 1.0
"""Between two tries to reap processes that were killed and have not ended yet. Nothing waits for that."""


class WorkerProcess:
    """
    Starts the worker that *spec* describes.

    Args:
        loop: the front's loop.
        ring: the ring that it takes requests from.
        spec: its processor and its number.
        on_message: called with each message of the worker.
        on_death: called once with its exit status, an exit code or minus the signal that ended it, and with what its
            crash handler recorded.
        on_sanitizer_report: called with each report of a sanitizer that does not end the process.
        confinement: what is taken away from it, if anything.

    Raises:
        OSError: no process can be started: the system is out of processes, memory or descriptors.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ring: FrontRing,
        spec: WorkerSpec,
        on_message: Callable[[Message], None],
        on_death: Callable[[int, Crash | None], None],
        on_sanitizer_report: Callable[[SanitizerReport], None],
        confinement: Confinement | None = None,
    ) -> None:
        self._loop = loop
        self._ring = ring
        self._on_death = on_death
        self._number = number = spec.worker
        with contextlib.ExitStack() as our_ends, contextlib.ExitStack() as child_ends:
            self._control, control_child = socket.socketpair()
            our_ends.enter_context(self._control)
            self._writer = MessageWriter(loop, self._control)
            child_ends.enter_context(control_child)
            ends = {name: _pipe(our_ends, child_ends) for name in ("log", "stdout", "stderr")}
            self._report = _report_file(our_ends) if spec.type in ("java", "python") else -1
            report = self._report
            if spec.type == "cpp" and sanitizer.find(Path(spec.entry)) is not None:
                ends["sanitizer"] = _pipe(our_ends, child_ends)
                report = ends["sanitizer"][1]
            spec_fd = _file_of(spec.replace(report=report).to_json(), child_ends)
            inherited = (control_child.fileno(), spec_fd, ring.memory_fd, ring.completion_fd, ends["log"][1])
            command = python_command.command(
                "eas_runtime.main" if spec.type == "python" else "eas_host.worker.main",
                *inherited,
                os.getpid(),
                interpreter=spec.interpreter,
                packages=spec.packages,
            )
            self._process = subprocess.Popen(
                command if confinement is None else confinement.worker_command(command, spec),
                # Variables of the processor, such as LD_PRELOAD, are not for the launcher, which has more rights.
                env={**os.environ, **(spec.environment if confinement is None else {})},
                # A debugger in it has the terminal.
                stdin=None if spec.debugged else subprocess.DEVNULL,
                stdout=None if spec.debugged else ends["stdout"][1],
                stderr=ends["stderr"][1],
                pass_fds=inherited if report < 0 else (*inherited, report),
                start_new_session=True,
            )
            our_ends.pop_all()
        self.pid = self._process.pid
        self._reading: asyncio.Task[None] | None = None
        self._spec = spec
        prefer_as_oom_victim(self.pid, os.getpid())
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._on_end)
        locator = locator_of(loop)
        if confinement is not None:
            locator.symbolizer.user = confinement.user
        locator.copies.update(spec.copies)
        self._records = LocatedRecords(locator, partial(log.worker_record, number))
        on_stderr: Callable[[bytes], None] = partial(log.worker_output, number, "stderr")
        self._sanitizer_reports = [
            SanitizerReports(loop, locator, self._has_crashed, on_sanitizer_report, on_stderr, mixed=mixed)
            for mixed in ((False, True) if "sanitizer" in ends else ())
        ]
        if self._sanitizer_reports:
            on_stderr = self._sanitizer_reports[1].receive
        self._readers = {
            RecordReader(loop, ends["log"][0], RECORD_END, log_records(self._records.receive)),
            RecordReader(loop, ends["stdout"][0], b"\n", lambda lines: log.worker_output(number, "stdout", lines)),
            RecordReader(loop, ends["stderr"][0], b"\n", on_stderr),
            message_reader(loop, os.dup(self._control.fileno()), on_message),
        }
        if self._sanitizer_reports:
            self._readers.add(RecordReader(loop, ends["sanitizer"][0], b"\n", self._sanitizer_reports[0].receive))

    def send(self, message: Message) -> None:
        """
        Send *message* to the worker. Never blocks.
        """
        self._writer.send(message)

    def kill(self) -> None:
        """
        End the worker, and what its processor has started, now.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _has_crashed(self) -> bool:
        return self._ring.crash(self._number) is not None

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        # The zombie keeps its process group's number from being given to others until it is reaped below.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        # The last of its output is logged before its end is.
        for reader in tuple(self._readers):
            reader.finish(partial(self._on_reader_end, reader))

    def _on_reader_end(self, reader: RecordReader) -> None:
        """
        Note that nothing more comes from *reader*. After the last reader, find out where the worker was.
        """
        self._readers.discard(reader)
        if not self._readers:
            crash = self._ring.crash(self._number)
            self._records.finish(lambda: explain_then(crash, self._loop, self._add_sanitizer_report))

    def _add_sanitizer_report(self, crash: Crash | None) -> None:
        """
        Report the death with *crash*, to which the report of a sanitizer is added if one has ended the process.
        """
        if not self._sanitizer_reports:
            self._report_death(crash)
            return
        status = self._process.wait()
        fatal = crash.call == SANITIZER and not crash.headline if crash is not None else status > 0
        self._sanitizer_reports.pop(0).finish(
            lambda report: self._add_sanitizer_report(crash if report is None else report.complete(crash, status)),
            fatal=fatal,
        )

    def _report_death(self, crash: Crash | None) -> None:
        status = self._process.wait()
        self._reap()
        os.close(self._pidfd)
        self._writer.close()
        self._control.close()
        text = self._take_report()
        if self._spec.type == "python":
            self._on_death(status, python_report.parse(text).complete(crash))
        elif text:
            self._reading = self._loop.create_task(self._read_report(text, status, crash))
        else:
            self._on_death(status, crash)

    def _take_report(self) -> str:
        if self._report < 0:
            return ""
        text = os.pread(self._report, _MAX_REPORT, 0).decode("utf-8", "replace")
        os.close(self._report)
        return text

    async def _read_report(self, text: str, status: int, crash: Crash | None) -> None:
        from eas_host.workers import jvm_report  # noqa: PLC0415  only Java has such reports

        # In a thread: it looks for lines of source in the processor's jars, which may be large.
        report = await run_in_daemon_thread(lambda: jvm_report.parse(text, self._spec))
        self._on_death(status, crash if report is None else report.complete(crash, status))

    def _reap(self) -> None:
        """
        Reap what the worker has left behind in its group, such as its eas-guardian. Such processes become children of
        this one if it is the first process of a container, or a subreaper. Once none is left, ChildProcessError says
        so; until then no other group can get the number of this one.
        """
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG | _ALL_CHILDREN)[0]:
                pass
            self._loop.call_later(_REAP_SECONDS, self._reap)  # they were killed, but have not ended yet


def _file_of(text: str, child_ends: contextlib.ExitStack) -> int:
    """
    Put *text* into an anonymous file: a long text in a socket would keep the front waiting for its reader.
    """
    fd = os.memfd_create("eas-spec", os.MFD_CLOEXEC)
    child_ends.callback(os.close, fd)
    with open(fd, "w", encoding="utf-8", closefd=False) as file:
        file.write(text)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _report_file(our_ends: contextlib.ExitStack) -> int:
    fd = os.memfd_create("eas-report", os.MFD_CLOEXEC)
    our_ends.callback(os.close, fd)
    return fd


def _pipe(our_ends: contextlib.ExitStack, child_ends: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    our_ends.callback(os.close, read)
    child_ends.callback(os.close, write)
    return read, write
