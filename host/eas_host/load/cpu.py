"""
CPU time of the generator of the load, of the front and of the workers.

All three share this machine. So the figures tell whether the service was the limit, or what measured it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")

_SCHEDULER: Final = 2
"""CPUCLOCK_SCHED: the clock has what the scheduler counts, in nanoseconds."""


class CpuTimes(NamedTuple):
    """
    Seconds of CPU time, up to some moment or during a step.

    Attributes:
        generator: of this process.
        generator_delay: seconds that it could have run but waited for a core.
        front: of the front; None if it is not ours.
        workers: of the workers and all that they have started; None as above.
        delay: seconds that threads of the workers could have run but waited for a core.
        cores: how many cores this process may use.
    """

    generator: float
    generator_delay: float
    front: float | None
    workers: float | None
    delay: float
    cores: int

    @property
    def total(self) -> float:
        """
        The sum.
        """
        return self.generator + (self.front or 0.0) + (self.workers or 0.0)

    def since(self, before: CpuTimes) -> CpuTimes:
        """
        Return what was used after *before*.
        """
        return CpuTimes(
            self.generator - before.generator,
            self.generator_delay - before.generator_delay,
            None if self.front is None or before.front is None else self.front - before.front,
            None if self.workers is None or before.workers is None else self.workers - before.workers,
            self.delay - before.delay,
            self.cores,
        )


class _Process(NamedTuple):
    """
    From /proc/PID/stat: the parent, and the time of the children that the process has waited for.
    """

    parent: int
    children: float


def read_cpu(front: int | None) -> CpuTimes:
    """
    Read the CPU time of this process, and of the *front* with this pid, if there is one, and its workers.
    """
    cores = len(os.sched_getaffinity(0))
    own, own_delay = time.process_time(), _read_delay(os.getpid())
    processes = {} if front is None else dict(_processes())
    if front not in processes:
        return CpuTimes(own, own_delay, None, None, 0.0, cores)
    workers, delay = processes[front].children, 0.0
    family = {front}
    # Whoever was started later need not have the larger pid, so look until no further one belongs to them.
    while new := {pid for pid, one in processes.items() if one.parent in family and pid not in family}:
        family |= new
        workers += sum(_read_own(pid) + processes[pid].children for pid in new)
        delay += sum(map(_read_delay, new))
    return CpuTimes(own, own_delay, _read_own(front), workers, delay, cores)


def _processes() -> Iterator[tuple[int, _Process]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended meanwhile
                # The name of the program, in brackets, may have spaces and brackets.
                fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                yield int(folder.name), _Process(int(fields[1]), (int(fields[13]) + int(fields[14])) * _TICK)


def _read_own(pid: int) -> float:
    """
    Read the CPU time of all threads of the process *pid*; 0 if it has ended. /proc has it in steps of 10 ms, in which
    thousands of calls are lost.
    """
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULER)  # what clock_getcpuclockid(3) makes of a pid
    except OSError:
        return 0.0


def _read_delay(pid: int) -> float:
    """
    Read for how many seconds the threads of the process *pid* have waited for a core; 0 if the kernel does not tell.
    """
    nanoseconds = 0
    with contextlib.suppress(OSError, IndexError, ValueError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((thread / "schedstat").read_text("ascii").split()[1])
    return nanoseconds / 1e9
