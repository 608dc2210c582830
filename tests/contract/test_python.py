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
def test_wrong_return_shape_answers_400_and_is_explained_in_the_log(host: Host, shape: Shape) -> None:
    """The log says what was returned and what is expected."""
    assert host.call(command(shape.verb, "body")).status == 400
    said = host.expect_log(shape.said).string
    assert "expected" in said
    assert host.call(b"next").body == b"next"


@columns("python")
def test_two_bytes_are_not_taken_for_body_and_status(host: Host) -> None:
    """b"ab" would unpack as a pair of numbers."""
    assert host.call(command("bare", "ab")).status == 400
    host.expect_log("expected")


@columns("python")
@pytest.mark.parametrize(
    ("verb", "answer"),
    [("text", "ключ"), ("dict", "{'y': 1}"), ("float", "0.5"), ("bytearray", "ключ"), ("list", "ключ")],
)
def test_returned_text_and_objects_are_sent_as_utf8(host: Host, verb: str, answer: str) -> None:
    """Other objects as str() of them, as EAS does: programs rely on it."""
    reply = host.call(command(verb, "ключ"))
    assert (reply.status, reply.text) == (200, answer)


@columns("python")
@pytest.mark.parametrize("how", ["exit:7", "interrupt"])
def test_exit_inside_process_ends_neither_worker_nor_thread(host: Host, how: str) -> None:
    host.allow_log("SystemExit|KeyboardInterrupt")
    before = host.call(command("pid")).body
    for _ in range(10):  # twice as many as there are threads
        assert host.call(command("die", how)).status in (400, 500)
    assert host.call(command("pid")).body == before


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_program_that_imports_modules_beside_it_is_served(
    start: StartHost, builder: ProcessorBuilder, isolation: str
) -> None:
    """
    A file as users write it: it imports modules beside it, whatever their names, reads files beside it,
    extends a base class of its own, passes arguments through its constructor, and ends with the lines that
    run it, which do run: it is the main module, as under `python app.py`.
    """
    host = start("python", builder.python("neighbours/app.py"), isolation=isolation)
    assert host.path == "/api/predict/app"
    answer = host.call(b"")
    assert (answer.status, answer.text) == (200, "the user's host words from a file True")


def test_file_name_need_not_be_a_module_name(start: StartHost, builder: ProcessorBuilder) -> None:
    assert start("python", builder.python("my-app.v2.py")).call(b"").body == b"served"


def test_class_after_the_colon_is_served(start: StartHost, builder: ProcessorBuilder) -> None:
    """FILE.py:Class chooses among several."""
    entry = builder.python("two_subclasses.py")
    host = start("python", f"{entry}:Second")
    assert host.call(b"").body == b"second"
    assert host.path == "/api/predict/two_subclasses"


def test_each_worker_process_is_initialised_once(start: StartHost) -> None:
    host = start("python", worker_processes=3)
    assert len(host.workers()) == 3
    seen = {host.call(command("pid")).body: host.call(command("loaded")).text for _ in range(5)}
    assert all("loads=1" in loaded for loaded in seen.values())


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_only_worker_threads_use_the_batch_scheduling_policy(
    start: StartHost, builder: ProcessorBuilder, isolation: str
) -> None:
    """A worker thread that is wakened takes the core from nobody; the user's own threads keep the default policy."""
    host = start("python", builder.python("policies.py"), isolation=isolation)
    assert json.loads(host.call(b"").body) == [os.SCHED_BATCH, os.SCHED_OTHER]


@columns("python")
def test_trace_in_the_log_is_pythons_own(host: Host) -> None:
    """The trace begins in the user's file."""
    assert host.call(command("throw", "look")).status == 400
    host.expect_log("ValueError: look")
    host.wait_for_log(r'File ".*contract\.py", line \d+, in user_code_that_throws')
    host.wait_for_log(r"raise ValueError\(message\)")
