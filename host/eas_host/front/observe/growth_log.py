"""
Says when a worker's memory, descriptors or threads grow with every request: a leak, long before it ends the worker.

Each worker process is looked at once a second, if it has completed requests since; `trend` decides. Its memory is also
looked at after each of its `first_requests`. A process is told of once for each of the three. The memory of a JVM is
left out: it fills its heap before it collects garbage, and what leaks there ends in an OutOfMemoryError; so is that of
AddressSanitizer, which keeps freed blocks, and finds leaks itself (--leaks).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from typing import Final, NamedTuple

from eas_host import log
from eas_host.dispatch.backend import Backend
from eas_host.front.observe.first_requests import FirstRequests
from eas_host.front.observe.trend import Growth, Samples, find_growth
from eas_host.front.service_state import ServiceState
from eas_host.system import memory, process_usage
from eas_host.system.process_usage import Usage
from eas_host.system.sizes import format_size

_MIB: Final = 2**20
_NEARLY_ALL: Final = 0.9


class _Kind(NamedTuple):
    """
    What may grow: its number in `Usage`, its name, the *least* growth that counts, and what the processor must do.
    """

    number: int
    name: str
    least: int
    advice: str


_MEMORY: Final = _Kind(0, "memory grows", 16 * _MIB, "the processor keeps what it allocates for a request")
_DESCRIPTORS: Final = _Kind(1, "open descriptors grow", 100, "the processor does not close what it opens for a request")
_THREADS: Final = _Kind(2, "threads grow", 100, "the processor starts threads that do not end")
_KINDS: Final = (_MEMORY, _DESCRIPTORS, _THREADS)


class _Process:
    """
    What is known of process *pid*, before which its worker, called *name*, had *completed_before* requests: its
    samples, how many requests the worker has completed, and what was told.
    """

    def __init__(self, pid: int, name: str, completed_before: int) -> None:
        self.pid = pid
        self.name = name
        self.completed_before = self.completed = completed_before
        self.samples = Samples()
        self.told: set[_Kind] = set()
        self.first_requests: FirstRequests | None = None


class GrowthLog:
    """
    Watches the worker processes of the service that *state* has.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._processes: dict[tuple[Backend, int], _Process] = {}  # by worker

    def look(self) -> None:
        """
        Look at each process that has completed requests since the last time. Called once a second, and at once when
        there are other backends.
        """
        before, self._processes = self._processes, {}
        for backend in self._state.backends:
            for number, pid in backend.workers.pids.items():
                process = before.get((backend, number))
                if process is None or process.pid != pid:
                    process = self._make_process(backend, number, pid, 0 if process is None else process.completed)
                self._processes[backend, number] = process
                completed = backend.ring.completed(number)
                if completed > process.completed:
                    process.completed = completed
                    self._look_at(process)
        _close(set(before.values()).difference(self._processes.values()))

    def close(self) -> None:
        """
        Look no more.
        """
        _close(self._processes.values())

    def _make_process(self, backend: Backend, number: int, pid: int, completed_before: int) -> _Process:
        process = _Process(pid, f"{backend.log_prefix}worker {number}", completed_before)
        process.first_requests = FirstRequests(
            backend, number, pid, lambda growth: _tell_of_steep_growth(process, growth)
        )
        return process

    def _look_at(self, process: _Process) -> None:
        usage = process_usage.read(process.pid)
        if usage is None:
            return
        requests = process.completed - process.completed_before
        descriptor_limit = process_usage.descriptor_limit(process.pid)
        self._check_descriptors(process, usage, descriptor_limit)
        if not process.samples.add(requests, usage):
            return
        for kind, limit in zip(_KINDS, (self._memory_limit, descriptor_limit, None), strict=True):
            if kind in process.told:
                continue
            growth = find_growth(process.samples.points(kind.number), kind.least, limit)
            if growth is not None:
                _tell(process, kind, growth, usage[kind.number])

    def _check_descriptors(self, process: _Process, usage: Usage, limit: int | None) -> None:
        """
        Say when a process has nearly all descriptors that it may have, however that came.
        """
        if limit is None or usage.descriptors < _NEARLY_ALL * limit or _DESCRIPTORS in process.told:
            return
        process.told.add(_DESCRIPTORS)
        log.warning(
            "%s: %s of the %s descriptors that it may have are open (ulimit -n): %s",
            process.name,
            f"{usage.descriptors:,}",
            f"{limit:,}",
            "does the processor close what it opens for a request?",
        )

    @cached_property
    def _memory_limit(self) -> int:
        return min(memory.available_bytes(), memory.address_space_limit() or sys.maxsize)


def _close(processes: Iterable[_Process]) -> None:
    for process in processes:
        if process.first_requests is not None:
            process.first_requests.close()


def _tell_of_steep_growth(process: _Process, growth: Growth) -> None:
    if _MEMORY not in process.told:
        _tell(process, _MEMORY, growth, 0, ", or fills a cache")


def _tell(process: _Process, kind: _Kind, growth: Growth, value: int, more_advice: str = "") -> None:
    """
    Say that *process* has shown *growth*, to *value*.
    """
    process.told.add(kind)
    if kind is not _MEMORY:
        rate, now = f"{growth.rate:.1f}" if growth.rate >= 1 else f"{growth.rate:.2g}", f"{value:,}"
    elif process_usage.keeps_freed_memory(process.pid):
        return
    else:
        rate, now = format_size(growth.rate), format_size(memory.resident_bytes(process.pid) or value)
    log.warning(
        "%s: its %s by %s a request since request %d (now %s): %s%s",
        process.name,
        kind.name,
        rate,
        growth.since,
        now,
        kind.advice,
        more_advice,
    )
