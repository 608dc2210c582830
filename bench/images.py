"""
The third table of the benchmark: the image classification example, and what the host adds to it.

Beside each language's service runs its bare twin: the same processor, called with the same picture from as many
threads in a loop, without HTTP or a host (`twins/`). Both decode and do one forward pass; what the service costs above
its twin is what the host adds. Of that the front's own time is exact, while the difference of two large numbers is not:
how long a forward pass takes changes by several per cent within seconds, so they are measured in many short turns.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from measure import Load, Result, measure
from servers import BENCH, BUILD, Row, free_port, run, started, tool
from table import print_table, progress

NAME: Final = "images"
EXAMPLE: Final = BENCH.parent / "examples" / "image_classification"
PICTURE: Final = EXAMPLE / "images" / "3-chalk.jpg"
"""A baseline JPEG, as cameras and browsers write it: of a progressive one Java's decoder draws every pass."""
THREADS: Final = 5
"""EAS's default of worker threads (docs/eas-compatibility.md, section 7.3)."""
_WARM_UP: Final = 8  # seconds: Java compiles what it runs often
_CONFIG: Final = '{"top_k": 3, "invert": "auto"}'
_HEAD: Final = (
    "one picture, decoded and classified",
    "requests/s",
    "of bare",
    "CPU µs/request",
    "bare",
    "host adds",
    "its front",
)


class Twin(NamedTuple):
    """
    What one language is measured as: its service, and the command that calls the same processor without the host.
    """

    service: Row
    bare: list[str]


def print_images(load: Load, rounds: int) -> None:
    """
    Measure, and print the table.
    """
    run(tool("make"), "-C", BENCH.parent, "examples")
    turns = rounds * load.seconds
    pictures = load._replace(body=PICTURE, seconds=1)
    lines = [_line(twin.service.name, *_measured(twin, pictures, turns)) for twin in (_cpp(), _java(), _python())]
    print(
        f"{load.connections} connections, {PICTURE.name} ({PICTURE.stat().st_size} bytes), {THREADS} threads;"
        f" median of {turns} turns of a second"
    )
    print()
    print_table(_HEAD, lines)


def _measured(twin: Twin, load: Load, turns: int) -> tuple[list[Result], list[Result]]:
    served: list[Result] = []
    bare: list[Result] = []
    with started(twin.service) as root, _running(twin.bare) as process:
        measure(twin.service.url, root, load._replace(seconds=_WARM_UP))
        _once(process, _WARM_UP)
        for number in range(turns):
            progress(f"turn {number + 1} of {turns}: {twin.service.name}")
            served.append(measure(twin.service.url, root, load))
            bare.append(_once(process, load.seconds))
    progress("")
    return served, bare


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "SERVICE_CONFIG": json.dumps({"model_config": json.loads(_CONFIG)})}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _once(process: subprocess.Popen[str], seconds: int) -> Result:
    assert process.stdin is not None  # noqa: S101  it is a pipe
    assert process.stdout is not None  # noqa: S101  the same
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    told = json.loads(process.stdout.readline())
    cpu_us = told["cpu_us"] / told["calls"]
    return Result(told["calls"] / told["seconds"], cpu_us, 0.0, cpu_us)


def _service(language: str) -> Row:
    port = free_port()
    words = ["-m", "eas_host", "serve", EXAMPLE / language / "service.json", "--log-level", "warning"]
    words += ["--listen", f"127.0.0.1:{port}", "--worker-threads", str(THREADS)]
    return Row(f"eas-host, {language}", [sys.executable, *map(str, words)], port, echoes=False, probe=PICTURE)


def _words(*first: str | Path) -> list[str]:
    return [*map(str, first), str(PICTURE), str(THREADS)]


def _cpp() -> Twin:
    bare = BUILD / "twin"
    run(tool("g++"), "-std=c++17", "-O2", BENCH / "twins" / "twin.cc", "-o", bare, "-ldl", "-pthread")
    library = EXAMPLE / "cpp" / "build" / "libimage_classification.so"
    return Twin(_service("cpp"), _words(bare, library, _model(), _CONFIG))


def _java() -> Twin:
    classes = BUILD / "twin-classes"
    run(tool("javac"), "--release", "11", "-d", classes, BENCH / "twins" / "Twin.java")
    path = f"{classes}:{EXAMPLE / 'java' / 'build' / 'image-classification.jar'}"
    words = _words(tool("java"), "-cp", path, "Twin", "com.example.ImageClassification", _model(), _CONFIG)
    return Twin(_service("java"), words)


def _python() -> Twin:
    program = EXAMPLE / "python" / "app.py"
    bare = BENCH / "twins" / "twin.py"
    return Twin(_service("python"), _words(sys.executable, bare, program, "ImageClassification", _model()))


def _model() -> Path:
    return EXAMPLE / "model" / "mnist.onnx"


def _line(name: str, served: list[Result], bare: list[Result]) -> tuple[str, ...]:
    pairs = list(zip(served, bare, strict=True))
    figures = (
        f"{statistics.median(mine.rate for mine in served):,.0f}",
        f"{statistics.median(mine.rate / its.rate for mine, its in pairs):.2f}",
        f"{statistics.median(mine.cpu_us for mine in served):.1f}",
        f"{statistics.median(its.cpu_us for its in bare):.1f}",
        f"{statistics.median(mine.cpu_us - its.cpu_us for mine, its in pairs):+.1f}",
        f"{statistics.median(mine.first_us for mine in served):.1f}",
    )
    return name, *figures
