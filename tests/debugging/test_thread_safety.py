"""
Processors that are not thread-safe and do not crash: only their answers show it, under load. `eas-host invoke
--at-once` compares these with answers to calls that run alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import run

TWO_BODIES = ("-d", "hello", "-d", "you")
RACING = """\
import os
import threading

import allspark

class Racing(allspark.BaseProcessor):
    def initialize(self):
        self.calls = 0
        self.both = threading.Barrier(2)

    def process(self, data):
        self.calls += 1
        if self.calls <= 20:
            return data, 200
        self.both.wait()
        return b"2", 200
"""
"""From the 21st call on it waits until there are two, and both have another answer."""
ECHO = """\
import allspark

class Echo(allspark.BaseProcessor):
    def initialize(self):
        self.calls = 0

    def process(self, data):
        self.calls += 1
        return b"%d" % self.calls if data == b"vary" else data, 200
"""


def written(folder: Path, source: str) -> Path:
    path = folder / "app.py"
    path.write_text(source, encoding="utf-8")
    return path


def test_race_that_makes_answers_wrong_is_told(builder: ProcessorBuilder) -> None:
    ended = run("invoke", builder.cpp("broken/races"), *TWO_BODIES, "-n", "200", "--at-once", "4")
    assert (ended.code, ended.stdout) == (5, "349"), ended.stderr
    others = r"^4 at once: \d+ of 200 answers differ from those one after another, such as status 200, '\d+'"
    advice = (
        r"is process thread-safe\? build it with -fsanitize=thread to see the place, or serve with --worker-threads 1"
    )
    assert re.search(f"{others}: {advice}$", ended.complaint), ended.stderr


def test_build_that_is_advised_shows_the_place(builder: ProcessorBuilder) -> None:
    ended = run("invoke", builder.cpp("broken/races", "-fsanitize=thread"), *TWO_BODIES, "--at-once", "4")
    assert ended.code == 5, ended.stderr
    assert re.search(r"ThreadSanitizer: data race on global .*total.* in process", ended.stderr)
    assert re.search(r"at process \(.*races\.cc:1[6-9]\b", ended.stderr)


def test_race_in_python_is_told(tmp_path: Path) -> None:
    ended = run("invoke", written(tmp_path, RACING), "-d", "1", "-n", "20", "--at-once", "2")
    assert (ended.code, ended.stdout) == (5, "1"), ended.stderr
    assert "2 at once: 20 of 20 answers differ from those one after another, such as status 200, '2'" in ended.complaint
    assert "is process thread-safe? use a lock, or serve with --worker-threads 1" in ended.complaint


def test_crash_of_calls_at_once_alone_is_told(tmp_path: Path) -> None:
    ended = run(
        *("invoke", written(tmp_path, RACING.replace('return b"2"', "os.abort()"))),
        *("-d", "1", "-n", "20", "--at-once", "2"),
    )
    assert (ended.code, ended.stdout) == (4, "1"), ended.stderr
    assert "2 at once: the processor crashed, as it did not one after another: is process th" in ended.complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (TWO_BODIES, "4 at once: all 100 answers are those of one after another"),
        (
            ("-d", "hello", "-d", "vary"),
            "4 at once: the answers differ already one after another, so they tell nothing",
        ),
        (("-d", "hello", "--worker-threads", "1"), "one thread calls the processor, so no calls ran at once"),
    ],
    ids=["same", "vary-anyway", "one-thread"],
)
def test_answers_that_tell_of_no_race(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ended = run("invoke", written(tmp_path, ECHO), *words, "--at-once", "4")
    assert ended.code == 0, ended.stderr
    assert said in ended.complaint
