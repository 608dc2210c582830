"""
The table of images: the image classification example, and what the host adds to it.

Beside each language's service runs its bare twin: the same processor, called with the same picture from as many
threads in a loop, without HTTP or a host (`twins/`). Both decode and do one forward pass; what the service costs above
its twin is what the host adds. Of that the front's own time is exact, while the difference of two large numbers is not:
how long a forward pass takes changes by several per cent within seconds, so they are measured in many short turns, and
kept running in between, for Java takes seconds to become fast.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from measuring import wrk
from measuring.table import Line, Measure, Sample, Subject, Table, difference, figure, ratio
from measuring.wrk import Load
from servers.server import Running, Server
from servers.tools import BENCH, BUILD, ROOT, run, tool
from tables.served import served

NAME: Final = "images"
EXAMPLE: Final = ROOT / "examples" / "image_classification"
PICTURE: Final = EXAMPLE / "images" / "3-chalk.jpg"
"""A baseline JPEG, as cameras and browsers write it: of a progressive one Java's decoder draws every pass."""
THREADS: Final = 5
"""EAS's default of worker threads (docs/eas-compatibility.md, section 7.3)."""
_MODEL: Final = EXAMPLE / "model" / "mnist.onnx"
_CONFIG: Final = '{"top_k": 3, "invert": "auto"}'
_LONGER: Final = 8  # times the warm-up of other tables: Java compiles what it runs often
_COLUMNS: Final = (
    figure("rate", "requests/s", 0, drawn=True),
    ratio("rate", "of bare"),
    figure("cpu_us", "CPU µs/request", 1, drawn=True),
    difference("cpu_us", "host adds", 1),
    figure("front_us", "its front", 1),
)


def images_table(connections: int, warm_up: int) -> Table:
    """
    Describe the table of turns of a second.
    """
    load = Load(connections, PICTURE)
    subjects = [
        subject
        for language in ("cpp", "java", "python")
        for subject in (_service(language, load, warm_up * _LONGER), _twin(language, warm_up * _LONGER))
    ]
    title = (
        f"one picture ({PICTURE.name}, {PICTURE.stat().st_size} bytes), decoded and classified:"
        f" {connections} connections, {THREADS} threads, turns of a second"
    )
    return Table(NAME, title, subjects, _COLUMNS, kept=True)


def _service(language: str, load: Load, warm_up: int) -> Subject:
    name, twin = f"eas-host, {language}", _twin_name(language)
    command = [sys.executable, "-m", "eas_host", "serve", str(EXAMPLE / language / "service.json")]
    command += ["--log-level", "warning", "--listen", "127.0.0.1:{port}", "--worker-threads", str(THREADS)]
    server = Server(name, f"{THREADS} threads", command, echoes=False, probe=PICTURE, prepare=_build_examples)

    def measure(running: Running) -> Sequence[Line]:
        return [Line(name, name, wrk.measure(running, load, 1), twin)]

    return served(server, lambda running: wrk.warm_up(running, load, warm_up), measure)


def _build_examples() -> None:
    run(tool("make"), "-C", ROOT, "examples")


def _twin_name(language: str) -> str:
    return f"bare twin, {language}"


def _twin(language: str, warm_up: int) -> Subject:
    name = _twin_name(language)
    commands: dict[str, Callable[[], list[str]]] = {"cpp": _cpp, "java": _java, "python": _python}

    @contextlib.contextmanager
    def opened() -> Iterator[Measure]:
        _build_examples()
        with _running([*commands[language](), str(PICTURE), str(THREADS)]) as process:
            if warm_up:
                _once(process, warm_up)
            yield lambda: [Line(name, name, _once(process, 1), name)]

    return Subject(name, f"{THREADS} threads, no host", opened)


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "SERVICE_CONFIG": json.dumps({"model_config": json.loads(_CONFIG)})}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _once(process: subprocess.Popen[str], seconds: int) -> Sample:
    assert process.stdin is not None  # noqa: S101  it is a pipe
    assert process.stdout is not None  # noqa: S101  the same
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    told = json.loads(process.stdout.readline())
    return {"rate": told["calls"] / told["seconds"], "cpu_us": told["cpu_us"] / told["calls"]}


def _cpp() -> list[str]:
    bare = BUILD / "twin"
    BUILD.mkdir(parents=True, exist_ok=True)
    run(tool("g++"), "-std=c++17", "-O2", BENCH / "twins" / "twin.cc", "-o", bare, "-ldl", "-pthread")
    return [str(bare), str(EXAMPLE / "cpp" / "build" / "libimage_classification.so"), str(_MODEL), _CONFIG]


def _java() -> list[str]:
    classes = BUILD / "twin-classes"
    run(tool("javac"), "--release", "11", "-d", classes, BENCH / "twins" / "Twin.java")
    path = f"{classes}:{EXAMPLE / 'java' / 'build' / 'image-classification.jar'}"
    return [tool("java"), "-cp", path, "Twin", "com.example.ImageClassification", str(_MODEL), _CONFIG]


def _python() -> list[str]:
    program = EXAMPLE / "python" / "app.py"
    return [sys.executable, str(BENCH / "twins" / "twin.py"), str(program), "ImageClassification", str(_MODEL)]
