"""
One measurement: wrk against a server, and the CPU time that all of the server's processes spent meanwhile.

The CPU time is read from /proc before and after: user and system time of the process and of everything below
it, with that of children which ended in between. It counts in ticks of 10 ms, so that a second of load is
exact to about 1 %.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from servers import BENCH, BUILD, BenchError, run, tool
from varying import write_requests

_TICK_US: Final = 1_000_000 / os.sysconf("SC_CLK_TCK")
_STATE, _PARENT, _TIMES = 0, 1, slice(11, 15)  # fields of /proc/PID/stat after the name: proc(5)


class Load(NamedTuple):
    """
    What wrk does: *connections* that each POST *body* again and again, so many bytes or a file, or GET if that is None,
    for *seconds*. With *vary* the requests are those of `varying`, with bodies of at most so many bytes.
    """

    connections: int
    body: int | Path | None
    seconds: int
    vary: bool = False


class Result(NamedTuple):
    """
    Requests per second, CPU microseconds per request of all processes, how long the slowest 1 % waited, and what part
    of the CPU time is that of the server's first process.
    """

    rate: float
    cpu_us: float
    p99_us: float
    first_us: float

    @classmethod
    def median(cls, results: Iterable[Result]) -> Result:
        """
        The medians of the *results*, figure by figure.
        """
        return cls(*(statistics.median(figures) for figures in zip(*results, strict=True)))


def measure(url: str, root: int, load: Load) -> Result:
    """
    Put *load* on the server at *url* whose processes are *root* and its descendants.
    """
    before = _cpu_us(root)
    output = run(*wrk_command(url, load))
    after = _cpu_us(root)
    spent = sum(after.values()) - sum(before.values())
    wrk = json.loads(output.splitlines()[-1])
    if wrk["errors"] or not wrk["requests"]:
        raise BenchError(f"{url}: {wrk['errors']} errors in {wrk['requests']} requests\n{output}")
    first = after[root] - before[root]
    return Result(wrk["requests"] / wrk["seconds"], spent / wrk["requests"], wrk["p99_us"], first / wrk["requests"])


def wrk_command(url: str, load: Load) -> list[str]:
    """
    The command of wrk that puts *load* on *url*; its last line of output is JSON.
    """
    command = [tool("wrk"), "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", "10s"]
    command += ["-s", str(BENCH / "load.lua"), url, "--"]
    if load.body is None:
        return command
    if isinstance(load.body, Path):
        return [*command, f"@{load.body}"]
    if not load.vary:
        return [*command, str(load.body)]
    requests = BUILD / f"requests-{load.body}"
    write_requests(requests, load.body)
    return [*command, f"={requests}"]


def _cpu_us(root: int) -> dict[int, float]:
    """
    The CPU time of *root* and of each of its descendants, in microseconds.
    """
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name stands in parentheses and may itself hold spaces and parentheses.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        ticks[int(folder.name)] = sum(map(int, fields[_TIMES]))
        children.setdefault(int(fields[_PARENT]), []).append(int(folder.name))
    family = [root]
    for process in family:
        family += children.get(process, [])
    return {process: ticks.get(process, 0) * _TICK_US for process in family}
