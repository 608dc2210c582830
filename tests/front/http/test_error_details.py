"""
What the client learns of an exception of the processor: its text, and on this machine the processor's frames.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.build import SOURCES, ProcessorBuilder
from support.host import Host, StartHost, Value
from support.program import Program
from support.wire import request

CALLS_PY = SOURCES / "python" / "broken" / "calls.py"
CPP_TEXT = "the input is too short"
CPP_FRAMES = [r"parse(\(int\))? \(\S*/throws_exception\.cc:5\)", r"process \(\S*/throws_exception\.cc:14\)"]
PYTHON_FRAMES = [r"chained \(\S*/broken/calls\.py:\d+\)", r"process \(\S*/broken/calls\.py:\d+\)"]
JAVA_FRAMES = [r"broken\.Calls\.causeChain\(Calls\.java:\d+\)", r"broken\.Calls\.Process\(Calls\.java:\d+\)"]
PROGRAM = """\
import allspark


class Broken(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        raise ValueError("no model")


if __name__ == "__main__":
    Broken().run()
"""
BEHIND_PROXY = ("X-Forwarded-For", "192.0.2.7")


def ask(host: Host, body: bytes, *headers: tuple[str, str]) -> str:
    """The text of the answer to *body*, which is 400."""
    with host.connect() as client:
        answer = client.send(request(body=body, headers=headers)).read()
    assert answer.status == 400
    return answer.text


def check(host: Host, body: bytes, text: str, frames: list[str]) -> None:
    """Behind a proxy the answer is *text* alone, and here it has exactly *frames* below it."""
    host.allow_log("process (threw|raised)")
    assert ask(host, body, BEHIND_PROXY) == text
    for _ in range(2):  # the first one waits for the lines, if there is debug information
        first, *lines = ask(host, body)[len(text) :].split("\n")
        assert first == ""
        assert lines[-1] == ""
        assert len(lines) == len(frames) + 1, lines
        assert all(re.fullmatch(f"  at {frame}", line) for frame, line in zip(frames, lines, strict=False)), lines


@pytest.mark.parametrize(
    "options", [{}, {"worker": "native"}, {"isolation": "none"}], ids=["process", "native", "none"]
)
@pytest.mark.parametrize("flags", [[], ["-O2"]], ids=["plain", "inlined"])
def test_frames_of_an_exception_in_cpp(
    builder: ProcessorBuilder, start: StartHost, options: dict[str, Value], flags: list[str]
) -> None:
    host = start(entry=builder.cpp("broken/throws_exception", *flags), **options)
    check(host, b"x", CPP_TEXT, CPP_FRAMES)


def test_frames_of_an_exception_in_java(builder: ProcessorBuilder, start: StartHost) -> None:
    """Those of the host and of the JDK are left out."""
    host = start("java", builder.jar("broken.Calls"))
    check(host, b"causeChain", "the text cannot be read", JAVA_FRAMES)


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_frames_of_an_exception_in_python(start: StartHost, isolation: str) -> None:
    check(start("python", CALLS_PY, isolation=isolation), b"chained", "no model", PYTHON_FRAMES)


def test_frames_of_an_exception_in_a_program(tmp_path: Path) -> None:
    entry = tmp_path / "app.py"
    entry.write_text(PROGRAM, encoding="utf-8")
    with Program(tmp_path / "running", entry) as program:
        check(program, b"x", "no model", [r"process \((\S*/)?app\.py:9\)"])


def test_endless_recursion_is_one_frame(start: StartHost) -> None:
    host = start("python", CALLS_PY)
    host.allow_log("RecursionError")
    assert re.search(r"^  at recursion \(.*calls\.py:\d+\) \[\d+ times\]$", ask(host, b"recursion"), re.MULTILINE)
    assert len(ask(host, b"recursion").splitlines()) < 6


def test_verbose_errors_show_the_frames_of_exceptions_to_all(start: StartHost) -> None:
    host = start("python", CALLS_PY, verbose_errors=True)
    host.allow_log("process raised")
    assert ask(host, b"chained", BEHIND_PROXY) == ask(host, b"chained")
    assert len(ask(host, b"chained").splitlines()) == 3
