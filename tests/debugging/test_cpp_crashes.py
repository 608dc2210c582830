"""
Broken processors in C++ that crash, throw or exit: the log says what happened, in which function and in which line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.failures import Failure, build, check_failure
from support.host import StartHost
from support.under_load import OPTIONS, bad_request, check_each_costs_itself, switchboard

LONG_INPUT = b"A" * 200

ROWS = [
    Failure(
        "initialize-throws",
        "throws_in_initialize",
        0,
        log=[r"initialize threw std::runtime_error: the model file is torn", r"at initialize \(.*initialize\.cc:4\b"],
    ),
    Failure(
        "initialize-crashes",
        "segv_in_initialize",
        0,
        log=[r"NULL pointer dereference \(address 0x10\)", r"at initialize \(.*segv_in_initialize\.cc:4\b"],
    ),
    Failure(
        "wrong-signature",
        "broken/wrong_signature",
        500,
        bodies=[b"hello"],
        answer=[r"address 0x5.*the size of the input used as a pointer.*parameters of eas/processor\.h"],
        log=[r"at process \(.*wrong_signature\.cc:10\b"],
    ),
    Failure(
        "null-dereference",
        "broken/null_dereference",
        500,
        answer=[r"SIGSEGV.*: NULL pointer dereference \(address 0x10\)"],
        log=[
            r"at weight_of.* \(.*null_dereference\.cc:8\b",
            r"at score.* \(.*null_dereference\.cc:11\b",
            r"at process \(.*null_dereference\.cc:22\b",
        ],
    ),
    Failure(
        "inlined",
        "broken/null_dereference",
        500,
        flags=["-O2"],
        log=[r"at weight_of.* \(.*:8\b", r"at score.* \(.*:11\b", r"at process \(.*:22\b"],
    ),
    Failure(
        "fread-of-null",
        "broken/reads_without_file",
        500,
        answer=[r"NULL pointer dereference \(address 0x\w+\) in fread"],
        log=[r"at process \(.*reads_without_file\.cc:12\b"],
    ),
    Failure(
        "divide-by-zero",
        "broken/divide_by_zero",
        500,
        answer=[r"SIGFPE.*: integer division by zero"],
        log=[r"at mean\(.* \(.*divide_by_zero\.cc:6\b|at mean \(.*divide_by_zero\.cc:6\b"],
    ),
    Failure(
        "use-after-free",
        "broken/use_after_free",
        500,
        answer=[r"SIGSEGV"],
        log=[r"at weight_of.* \(.*use_after_free\.cc:7\b", r"at process \(.*use_after_free\.cc:16\b"],
    ),
    Failure(
        "double-free",
        "broken/double_free",
        500,
        answer=[r"SIGABRT.*: free\(\): double free.*-fsanitize=address"],
        log=[r"at release.* \(.*double_free\.cc:4\b", r"at process \(.*double_free\.cc:14\b"],
    ),
    Failure(
        "heap-overflow",
        "broken/heap_overflow",
        500,
        answer=[r"SIGABRT.*: malloc\(\): .*the heap was damaged, perhaps earlier; compile with -fsanitize=address"],
        log=[r"at process \(.*heap_overflow\.cc:16\b"],
    ),
    Failure(
        "heap-overflow-found-by-free",
        "broken/heap_overflow",
        500,
        flags=["-DFREED"],
        answer=[r"SIGABRT.*: free\(\): .*the heap was damaged, perhaps earlier; compile with -fsanitize=address"],
        log=[r"at process \(.*heap_overflow\.cc:14\b"],
    ),
    Failure(
        "stack-buffer-overflow",
        "broken/stack_buffer_overflow",
        500,
        bodies=[LONG_INPUT],
        flags=["-fno-stack-protector"],
        answer=[r"the return address in parse.* was overwritten: a local buffer was overrun"],
        log=[r"at parse.* \(.*stack_buffer_overflow\.cc:10\b"],
    ),
    Failure(
        "stack-protector",
        "broken/stack_buffer_overflow",
        500,
        bodies=[LONG_INPUT],
        flags=["-fstack-protector-all"],
        answer=[r"stack smashing detected: a local buffer was overrun in parse"],
        log=[r"at parse.* \(.*stack_buffer_overflow\.cc:10\b"],
    ),
    Failure(
        "endless-recursion",
        "broken/endless_recursion",
        500,
        answer=[r"stack overflow in depth.*: endless recursion"],
        log=[r"at depth.* \(.*endless_recursion\.cc:5\) \[\d\d times\]"],
    ),
    Failure(
        "large-local-array",
        "broken/large_local_array",
        500,
        answer=[r"stack overflow in average.*: its local variables need more than the stack has"],
        log=[r"at average.* \(.*large_local_array\.cc:\d\b", r"at process \(.*large_local_array\.cc:15\b"],
    ),
    Failure(
        "abort",
        "broken/aborts",
        500,
        answer=[r"SIGABRT"],
        log=[r"at process \(.*aborts\.cc:9\b"],
    ),
    Failure(
        "assertion",
        "broken/fails_assertion",
        500,
        answer=[r"SIGABRT.*fails_assertion\.cc:10: .*Assertion `size == 3' failed"],
        log=[r"at process \(.*fails_assertion\.cc:10\b"],
    ),
    Failure(
        "exception",
        "broken/throws_exception",
        400,
        answer=[r"^the input is too short"],
        log=[
            r"process threw std::runtime_error: the input is too short",
            r"at parse.* \(.*throws_exception\.cc:5\b",
            r"at process \(.*throws_exception\.cc:14\b",
        ],
    ),
    Failure(
        "number-thrown",
        "broken/throws_number",
        400,
        answer=[r"unknown exception of type int"],
        log=[r"at process \(.*throws_number\.cc:7\b"],
    ),
    Failure(
        "index-out-of-range",
        "broken/index_out_of_range",
        400,
        answer=[r"_M_range_check"],
        log=[r"process threw std::out_of_range", r"at last.* \(.*index_out_of_range\.cc:4\b"],
    ),
    Failure(
        "exception-in-thread",
        "broken/throws_in_thread",
        500,
        answer=[r"SIGABRT.*: uncaught exception std::runtime_error: no such model"],
        log=[r"at load.* \(.*throws_in_thread\.cc:5\b"],
        lines=7,  # it runs again, alone, since a thread of the processor names no request; each prints two lines
    ),
    Failure(
        "exit",
        "broken/exits",
        500,
        answer=[r"the processor called exit\(3\)"],
        log=[r"at check.* \(.*exits\.cc:5\b", r"at process \(.*exits\.cc:14\b"],
    ),
    Failure(
        "write-to-literal",
        "broken/writes_literal",
        500,
        answer=[r"write to read-only memory \(address 0x\w+\), such as a string literal"],
        log=[r"at process \(.*writes_literal\.cc:9\b"],
    ),
    Failure(
        "call-of-null",
        "broken/calls_null",
        500,
        answer=[r"call of a NULL function pointer"],
        log=[r"at process \(.*calls_null\.cc:10\b"],
    ),
    Failure(
        "without-debug-information",
        "broken/null_dereference",
        500,
        flags=["-g0"],
        answer=[r"NULL pointer dereference"],
        log=[
            r"at weight_of\(Node const\*\) \(/.*\.so\+0x\w+; compile with -g to see the line\)",
            r"at process \(/.*\.so\+0x\w+\)",
        ],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_author_of_a_crash_learns_cause_and_line(builder: ProcessorBuilder, row: Failure, tmp_path: Path) -> None:
    check_failure(row, build(builder, row, "cpp"), "cpp", tmp_path)


@pytest.mark.parametrize("kind", ["python", "native"])
def test_failure_costs_its_own_request_under_load(start: StartHost, builder: ProcessorBuilder, kind: str) -> None:
    """Left out is an overrun of the heap that is found when something is allocated, by this call or another one."""
    rows = [row for row in ROWS if row.status and row.id != "heap-overflow"]
    libraries = {row.id: build(builder, row, "cpp") for row in rows}
    host = start("cpp", **switchboard(builder, libraries), worker=kind, **OPTIONS)
    check_each_costs_itself(host, [bad_request(row, row.id, named=row.id != "exception-in-thread") for row in rows])
