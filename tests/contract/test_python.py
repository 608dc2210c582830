"""
What only a Python processor can do: shapes of return values, modules beside it, exits that are exceptions.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import pytest

from support.build import ProcessorBuilder
from support.columns import columns
from support.host import Host, StartHost
from support.wire import command


class Shape(NamedTuple):
    """A return value that is not (bytes, int); *said* must be in the log."""

    verb: str
    said: str


WRONG = [
    Shape("bare", "bytes"),
    Shape("nothing", "NoneType"),
    Shape("three", r"\(bytes, int, str\)"),
    Shape("swapped", r"\(int, bytes\)"),
    Shape("status-text", r"\(bytes, str\)"),
]


@columns("python")
@pytest.mark.parametrize("shape", WRONG, ids=lambda shape: shape.verb)
def test_wrong_shape(host: Host, shape: Shape) -> None:
    """A wrong return shape answers 400; the log says what was returned and what is expected."""
    assert host.call(command(shape.verb, "body")).status == 400
    said = host.expect_log(shape.said).string
    assert "expected" in said
    assert host.call(b"next").body == b"next"


@columns("python")
def test_two_bytes_are_no_pair(host: Host) -> None:
    """b"ab" would unpack as a pair of numbers; it is a wrong shape all the same."""
    assert host.call(command("bare", "ab")).status == 400
    host.expect_log("expected")


@columns("python")
@pytest.mark.parametrize(
    ("verb", "answer"),
    [("text", "ключ"), ("dict", "{'y': 1}"), ("float", "0.5"), ("bytearray", "ключ"), ("list", "ключ")],
)
def test_other_data(host: Host, verb: str, answer: str) -> None:
    """Text is sent as UTF-8, other objects as str() of them, as EAS does: programs rely on it."""
    reply = host.call(command(verb, "ключ"))
    assert (reply.status, reply.text) == (200, answer)


@columns("python")
@pytest.mark.parametrize("how", ["exit:7", "interrupt"])
def test_exit_is_an_exception(host: Host, how: str) -> None:
    """sys.exit() inside process ends neither the worker nor one of its threads."""
    host.allow_log("SystemExit|KeyboardInterrupt")
    before = host.call(command("pid")).body
    for _ in range(10):  # twice as many as there are threads
        assert host.call(command("die", how)).status in (400, 500)
    assert host.call(command("pid")).body == before


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_users_folder(start: StartHost, builder: ProcessorBuilder, isolation: str) -> None:
    """
    A file as users write it: it imports modules beside it, whatever their names, reads files beside it,
    extends a base class of its own, passes arguments through its constructor, and ends with the lines that
    run it, which do run: it is the main module, as under `python app.py`.
    """
    host = start("python", builder.python("neighbours/app.py"), isolation=isolation)
    assert host.path == "/api/predict/app"
    answer = host.call(b"")
    assert (answer.status, answer.text) == (200, "the user's host words from a file True")


def test_name_that_is_no_identifier(start: StartHost, builder: ProcessorBuilder) -> None:
    """A file's name need not be a module's name."""
    assert start("python", builder.python("my-app.v2.py")).call(b"").body == b"served"


def test_class_is_chosen(start: StartHost, builder: ProcessorBuilder) -> None:
    """FILE.py:Class chooses among several."""
    entry = builder.python("two_subclasses.py")
    host = start("python", f"{entry}:Second")
    assert host.call(b"").body == b"second"
    assert host.path == "/api/predict/two_subclasses"


def test_each_process_is_initialised(start: StartHost) -> None:
    """--worker-processes N: N processes, each initialised once."""
    host = start("python", worker_processes=3)
    assert len(host.workers()) == 3
    seen = {host.call(command("pid")).body: host.call(command("loaded")).text for _ in range(5)}
    assert all("loads=1" in loaded for loaded in seen.values())


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_only_our_threads_wait_for_the_core(start: StartHost, builder: ProcessorBuilder, isolation: str) -> None:
    """A worker thread that is wakened takes the core from nobody; the user's own threads are as ever."""
    host = start("python", builder.python("policies.py"), isolation=isolation)
    assert json.loads(host.call(b"").body) == [os.SCHED_BATCH, os.SCHED_OTHER]


@columns("python")
def test_trace_is_python(host: Host) -> None:
    """The trace in the log is Python's own, from the user's file on."""
    assert host.call(command("throw", "look")).status == 400
    host.expect_log("ValueError: look")
    host.wait_for_log(r'File ".*contract\.py", line \d+, in user_code_that_throws')
    host.wait_for_log(r"raise ValueError\(message\)")
