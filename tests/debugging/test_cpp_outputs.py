"""
Whose pointer is it? What a processor in C++ puts into *output_data is answered, or explained; it harms nobody.

tests/processors/cpp/broken/outputs.cc has a verb for each kind of pointer. They are asked one after the other on one
host: a wrong one must not disturb those that follow. What is seen without any option is less than what --check-memory
sees, and with another allocator than glibc's less again; but a right pointer is never refused.
EAS_HOST_OUTPUT_REQUESTS=1000000 makes it so many requests with right ones, for each allocator and kind of worker.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support import TIMEOUT, command
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.libraries import find_shared
from support.load_run import LoadRun
from support.service import Services, describe, services
from support.under_load import OPTIONS, BadRequest, check_each_costs_itself, switchboard

__all__ = ["services"]

REQUESTS = int(os.environ.get("EAS_HOST_OUTPUT_REQUESTS", "2000"))
ERROR_STATUS = 22
"""The exit code of `eas-host invoke`."""

RIGHT = """
    malloc calloc realloc realloc-large strdup asprintf posix_memalign aligned_alloc memalign-large new-array
    full-block gigabyte megabytes of-a-thread empty nothing
""".split()  # noqa: SIM905  read as a list of words


class Wrong(NamedTuple):
    """
    A wrong pointer: the verb, what the answer says of it without any option, and with --check-memory if that differs.
    """

    verb: str
    plain: str
    checked: str = ""

    def text(self, *, checked: bool) -> str:
        return self.checked if checked and self.checked else self.plain


LITERAL = r"\*output_data is a string literal of liboutputs\.so \(or another constant\): .* return strdup\(\) of it"
STATIC = r"\*output_data is static data of liboutputs\.so: the host frees the output, so return a copy"
STACK = r"\*output_data is a local variable, on the stack, gone when process has returned"
FREED = r"\*output_data was freed before process returned, as the buffer of a local std::string"
NO_START = r"\*output_data is not the start of a block in use"
INPUT = r"\*output_data is input_data, which belongs to the host"
STRING = r"\*output_data is the buffer of a std::string: "
NO_MEMORY = r"\*output_data is 0x\w+, and no memory is there"
TOO_LARGE = r"output_size is %s, but the block at \*output_data has %s bytes$"

WRONG = [
    Wrong("literal", LITERAL),
    Wrong("constant", LITERAL),
    Wrong("code", r"\*output_data is a string literal of liboutputs\.so \(or its code\)"),
    Wrong("static", STATIC),
    Wrong("static-middle", STATIC),
    Wrong("static-string", r"\*output_data is the buffer of a static std::string of liboutputs\.so"),
    Wrong("stdin", r"\*output_data is static data of libc\.so\.6"),
    Wrong("stack", STACK),
    Wrong("stack-string", r"\*output_data is the buffer of a std::string on the stack"),
    Wrong("string", FREED),
    Wrong("vector", FREED),
    Wrong("freed", FREED),
    Wrong("freed-middle", rf"{NO_START}|{FREED}", FREED),  # it may have become a part of a free neighbour
    Wrong("freed-large", rf"{NO_MEMORY}|{NO_START}|{FREED}", FREED),  # or its memory may have gone
    Wrong("inside", NO_START, r"\*output_data points 64 bytes into a block of 512: return the start"),
    Wrong("inside-odd", NO_START, r"\*output_data points 1 bytes into a block of 512: "),
    Wrong("inside-text", NO_START, r"\*output_data points 64 bytes into a block of 512: "),
    Wrong("member-string", STRING),
    Wrong("member-buffer", NO_START, r"\*output_data points 40 bytes into a block of 168: "),
    Wrong("model", r"\*output_data is the model that initialize returned"),
    Wrong("input", INPUT),
    Wrong("input-end", INPUT),
    Wrong("five", NO_MEMORY),
    Wrong("wild", NO_MEMORY),
    Wrong("impossible", NO_MEMORY),
    Wrong("mapped", NO_START),
    Wrong("mapped-anew", NO_START),  # where a block was that is freed
    Wrong("too-large", TOO_LARGE % (1000000, 56), TOO_LARGE % (1000000, 52)),
    Wrong("too-large-by-16", TOO_LARGE % (68, 56), TOO_LARGE % (68, 52)),
    Wrong("too-large-mapped", TOO_LARGE % (3145728, r"2\d{6}"), TOO_LARGE % (3145728, 2097152)),
    Wrong("too-large-static", STATIC),
]
CHECKED_ONLY = [
    Wrong("freed-by-thread", "", FREED),
    Wrong("thread-local", "", r"\*output_data is a thread_local variable of liboutputs\.so: "),
]
ANY_ALLOCATOR = {
    *("literal", "constant", "code", "static", "static-middle", "static-string", "stdin", "stack", "stack-string"),
    *("model", "input", "input-end", "five", "impossible", "too-large-static", "inside-odd"),
}
"""What is known without any look into the heap."""


@pytest.fixture(scope="module")
def entry(builder: ProcessorBuilder) -> Path:
    return builder.cpp("broken/outputs")


@pytest.fixture(
    scope="module",
    params=[
        {},
        {"worker": "native"},
        {"isolation": "none"},
        {"check_memory": True},
        {"check_memory": True, "worker": "native"},
    ],
    ids=["plain", "native worker", "isolation none", "check-memory", "native worker with check-memory"],
)
def outputs(
    request: pytest.FixtureRequest, entry: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Host, bool]]:
    """A host with glibc's allocator, and whether it has --check-memory."""
    options: dict[str, Value] = request.param
    with Host(tmp_path_factory.mktemp("outputs"), entry=entry, processor_type="cpp", **options) as host:
        host.allow_log("output_data|output_size")
        yield host, "check_memory" in options


@pytest.mark.parametrize("verb", RIGHT)
def test_right_pointer_is_answered(outputs: tuple[Host, bool], verb: str) -> None:
    """Each time, also where the allocator gives the same block again."""
    for _ in range(3):
        answer = outputs[0].call(verb.encode())
        assert answer.status == 200, answer.text
        assert answer.body == b"" or answer.body.startswith((b"some text", b"mmmm"))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.verb)
def test_wrong_pointer_is_explained_and_the_worker_lives_on(outputs: tuple[Host, bool], wrong: Wrong) -> None:
    host, checked = outputs
    workers = host.workers()
    for _ in range(2):
        host.mark()
        answer = host.call(wrong.verb.encode())
        assert answer.status == 500
        [line] = answer.text.splitlines()
        assert re.match(wrong.text(checked=checked), line)
        host.wait_for_log(rf"\[ERROR\] .*{re.escape(line)}")
    assert host.call(b"malloc").body.startswith(b"some text")
    assert host.workers() == workers


@pytest.mark.parametrize("wrong", CHECKED_ONLY, ids=lambda wrong: wrong.verb)
def test_check_memory_sees_what_looks_right_without_it(entry: Path, start: StartHost, wrong: Wrong) -> None:
    host = start(entry=entry, check_memory=True)
    answer = host.call(wrong.verb.encode())
    assert answer.status == 500
    assert re.match(wrong.checked, answer.text)
    host.expect_log("output_data")


def test_log_says_where_a_block_was_freed(entry: Path, start: StartHost) -> None:
    """Only the log: a client need not know the names of functions."""
    host = start(entry=entry, check_memory=True)
    assert "freed at" not in host.call(b"string").text
    host.expect_log("was freed before process returned")
    host.wait_for_log(r"freed at .*\(.*/outputs\.cc:\d+\)")


@pytest.mark.parametrize("allocator", ["jemalloc", "tcmalloc_minimal"])
@pytest.mark.parametrize("checked", [False, True], ids=["plain", "check-memory"])
def test_other_allocators(
    entry: Path, start: StartHost, monkeypatch: pytest.MonkeyPatch, allocator: str, *, checked: bool
) -> None:
    """Nothing right is refused, and what can be known is."""
    monkeypatch.setenv("LD_PRELOAD", find_shared(allocator))
    host = start(entry=entry, check_memory=checked)
    host.allow_log("output_data|output_size")
    for verb in RIGHT:
        answer = host.call(verb.encode())
        assert answer.status == 200, f"{verb}: {answer.text}"
    for wrong in WRONG:
        if wrong.verb in ANY_ALLOCATOR:
            answer = host.call(wrong.verb.encode())
            assert answer.status == 500, wrong
            assert re.match(wrong.text(checked=checked), answer.text), wrong
    assert re.match("output_size is 1000000, but the block", host.call(b"too-large").text)
    assert len(host.workers()) == 1


@pytest.mark.parametrize("kind", ["python", "native"])
@pytest.mark.parametrize("allocator", ["", "jemalloc", "tcmalloc_minimal"])
def test_no_right_pointer_is_refused_in_many_requests(
    entry: Path, start: StartHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allocator: str, kind: str
) -> None:
    """Blocks of all kinds in turn, by five threads at once."""
    if allocator:
        monkeypatch.setenv("LD_PRELOAD", find_shared(allocator))
    host = start(entry=entry, worker=kind)
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    body = tmp_path / "body"
    body.write_bytes(b"in-turn")
    with LoadRun(host, connections=16, file=body, count=REQUESTS, report=1000) as load:
        summary = load.wait_end(TIMEOUT + REQUESTS / 100)
    summary.check()
    assert summary.statuses == {"200": REQUESTS}


def test_pointer_that_kills_the_worker_is_named_as_the_cause(
    entry: Path, start: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tcmalloc ends the process when it is asked about foreign memory. The frames are its own, and not shown."""
    monkeypatch.setenv("LD_PRELOAD", find_shared("tcmalloc_minimal"))
    host = start(entry=entry)
    host.allow_log("")
    answer = host.call(b"mapped")
    assert answer.status == 500
    assert re.search(r"SIGABRT .*: the host was reading or freeing the output; \*output_data is 0x\w+: ", answer.text)
    host.wait_for_log("the host was reading or freeing the output")
    assert "tcmalloc" not in answer.text
    assert host.call(b"malloc").body.startswith(b"some text")


def test_missing_size_is_said_once(entry: Path, start: StartHost) -> None:
    """The answer is empty, as it always was."""
    host = start(entry=entry)
    for _ in range(3):
        answer = host.call(b"no-size")
        assert (answer.status, answer.body) == (200, b"")
    host.stop()
    assert len(re.findall("returned 200 and set no output_size", host.new_log())) == 1


def test_frames_do_not_show_the_library_of_check_memory(entry: Path, start: StartHost) -> None:
    """Here malloc itself finds that the processor has written beyond a block."""
    host = start(entry=entry, check_memory=True)
    host.allow_log("")
    answer = host.call(b"overflow")
    assert answer.status == 500
    assert re.search(r"at process \(.*/outputs\.cc:\d+", answer.text)
    assert "memory-check" not in answer.text


def test_invoke_and_test_check_memory_unless_told_otherwise(entry: Path, services: Services, tmp_path: Path) -> None:
    ended = command.run("invoke", entry, "-d", "inside")
    assert ended.code == ERROR_STATUS
    assert "points 64 bytes into a block of 512" in ended.stderr
    ended = command.run("invoke", entry, "-d", "inside", variables={"EAS_HOST_CHECK_MEMORY": "0"})
    assert "is not the start of a block in use" in ended.stderr
    keys = {"processor_type": "cpp", "processor_path": str(entry.parent), "processor_entry": entry.name}
    host = services.start(describe(tmp_path / "service", name="outputs", **keys))
    host.allow_log("output_data")
    assert "points 64 bytes into a block of 512" in host.call(b"inside").text


def test_check_memory_does_not_work_without_isolation(entry: Path) -> None:
    """The library would have to be there before the host's own process."""
    ended = command.run("--entry", entry, "--isolation", "none", "--check-memory")
    assert ended.code == 2
    assert "--isolation none and --check-memory: " in ended.stderr


def test_pointer_costs_no_other_request_under_load(start: StartHost, builder: ProcessorBuilder, entry: Path) -> None:
    """
    Neither a wrong nor a right one. A large block that was freed is asked for by one call alone: its memory would be
    that of the other's.
    """
    host = start("cpp", **switchboard(builder, {"outputs": entry}), **OPTIONS)
    wrong = [
        BadRequest(
            one.verb, f"outputs:{one.verb}".encode(), 500, [one.plain], at_once=1 if one.verb == "freed-large" else 2
        )
        for one in WRONG
    ]
    right = [BadRequest(verb, f"outputs:{verb}".encode(), 200) for verb in RIGHT]
    check_each_costs_itself(host, [*wrong, *right])
