"""
One measurement: wrk against a server, and the CPU time that all of the server's processes spent meanwhile.

The CPU time is what the scheduler has counted, in nanoseconds, of each process and all its threads, also those that
have ended; children that have ended in between are counted in steps of 10 ms (`eas_host/load/cpu.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.load.cpu import read_cpu
from measuring.signed_requests import write_requests
from measuring.table import Sample
from servers.server import Running, settle
from servers.tools import BENCH, BUILD, BenchError, run, tool

_SCRIPT: Final = BENCH / "measuring" / "load.lua"


class Load(NamedTuple):
    """
    What wrk does: *connections* that each POST *body* again and again, so many bytes or a file, or GET if that is None.
    With *vary* the requests are those of `signed_requests`, with bodies of at most so many bytes.
    """

    connections: int
    body: int | Path | None
    vary: bool = False


def measure(server: Running, load: Load, seconds: int, path: str = "") -> Sample:
    """
    Put *load* on *server* for so many *seconds*, on another *path* than its echo if one is given. The sample has
    requests per second, times, and CPU time per request: `cpu_us` of all its processes, `front_us` of its first one.
    """
    before = read_cpu(server.pid)
    output = run(*wrk_command(server, load, seconds, path))
    cpu = read_cpu(server.pid).since(before)
    settle(server)
    wrk = json.loads(output.splitlines()[-1])
    if wrk["errors"] or not wrk["requests"]:
        raise BenchError(f"{server.recipe.name}: {wrk['errors']} errors in {wrk['requests']} requests\n{output}")
    if cpu.front is None or cpu.workers is None:
        raise BenchError(f"{server.recipe.name}: has ended under load")
    return {
        "rate": wrk["requests"] / wrk["seconds"],
        "cpu_us": (cpu.front + cpu.workers) * 1e6 / wrk["requests"],
        "front_us": cpu.front * 1e6 / wrk["requests"],
        "p50_ms": wrk["p50_us"] / 1000,
        "p99_ms": wrk["p99_us"] / 1000,
    }


def warm_up(server: Running, load: Load, seconds: int) -> None:
    """
    Put *load* on *server*, and forget what is measured: a JVM compiles, buffers and caches reach their size.
    """
    if seconds:
        measure(server, load, seconds)


def wrk_command(server: Running, load: Load, seconds: int, path: str = "") -> list[str]:
    """
    Return the command of wrk that puts *load* on *server*; its last line of output is JSON.
    """
    url = f"http://127.0.0.1:{server.port}{path or server.recipe.path}"
    command = [tool("wrk"), "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s"]
    for name, value in server.recipe.headers.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(_SCRIPT), url, "--"]
    if load.body is None:
        return command
    if isinstance(load.body, Path):
        return [*command, f"@{load.body}"]
    if not load.vary:
        return [*command, str(load.body)]
    requests = BUILD / f"requests-{load.body}"
    write_requests(requests, server.recipe, load.body)
    return [*command, f"={requests}"]
