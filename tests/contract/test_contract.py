"""
The contract between the host and a processor: one table, the same for the three languages and both
isolations.

Each test body runs in every column in which its words have a meaning: a Java Process returns no status, for
instance. The processors are processors/{cpp/contract.cc, java/Contract.java, python/contract.py}; what only
one language can do is tested in test_{cpp,java,python}.py.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

import pytest

from support import proc
from support.columns import LANGUAGES, columns, table
from support.gate import Gate
from support.host import OUR_FRAMES, Host
from support.wire import command, request

pytestmark = pytest.mark.real_starts

MIB = 1 << 20
MAX_OUTPUT = 65 * MIB  # a little above the largest input, so that the largest echo fits
HOST_OPTIONS = {"max_output": MAX_OUTPUT, "keepalive": 60_000}
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
FINAL_STATUSES = {status.value for status in HTTPStatus if status >= HTTPStatus.OK} | {450}


class Case(NamedTuple):
    """What is sent, and what must come back."""

    name: str
    body: bytes
    status: int
    answer: bytes
    languages: tuple[str, ...] = LANGUAGES


class Payload(NamedTuple):
    """A body that must survive the way in and the way out."""

    name: str
    size: int
    make: Callable[[int], bytes] = os.urandom
    languages: tuple[str, ...] = LANGUAGES


PAYLOADS = [
    Payload("empty", 0),
    Payload("1 byte", 1),
    Payload("a NUL byte", 1, bytes),
    Payload("all byte values", 256, lambda size: bytes(range(size))),
    Payload("invalid UTF-8", 5, lambda _: b"\xc3\x28\xff\xfe\xed"),
    Payload("a lone surrogate", 4, lambda _: b"a\xed\xa0\x80"),
    Payload("4 KiB", 4096),
    # Around 16 KiB the way into a C++ processor changes from a copy to a mapping, which ends on a page or
    # just before it.
    Payload("16 KiB - 1", 16 * 1024 - 1),
    Payload("16 KiB", 16 * 1024),
    Payload("16 KiB + 1", 16 * 1024 + 1),
    Payload("20 KiB, whole pages", 20 * 1024),
    Payload("1 MiB", MIB),
    Payload("1 MiB + 1", MIB + 1),
    Payload("64 MiB", 64 * MIB),
]

RETURNS = [
    Case("0 becomes 200", command("status", "0:body"), 200, b"body", ("cpp", "python")),
    Case("200", command("status", "200:body"), 200, b"body", ("cpp", "python")),
    Case("an error with a body", command("status", "404:nothing here"), 404, b"nothing here", ("cpp", "python")),
    Case("an error without a body", command("status", "500:"), 500, b"", ("cpp", "python")),
    Case("EAS's own 450", command("status", "450:full"), 450, b"full", ("cpp", "python")),
    Case("INT_MIN becomes 400", command("status", f"{INT_MIN}:least"), 400, b"least", ("cpp", "python")),
    Case("INT_MAX becomes 400", command("status", f"{INT_MAX}:most"), 400, b"most", ("cpp", "python")),
    Case("no output", command("null"), 200, b""),
    Case("no output, an error", command("null", "503"), 503, b"", ("cpp", "python")),
    Case("no output, an unknown status", command("null", "-1"), 400, b"", ("cpp", "python")),
    Case("an output larger than the input", command("size", "300000"), 200, b"s" * 300_000),
    Case(
        "an error with a large output",
        command("size-status", "300000"),
        500,
        b"s" * 300_000,
        ("cpp", "python"),
    ),
]


@table(PAYLOADS)
def test_bytes_reach_the_processor_and_come_back_unchanged(host: Host, case: Payload) -> None:
    body = case.make(case.size)
    answer = host.call(body)
    assert answer.status == 200
    assert len(answer.body) == len(body)
    assert (answer.body == body) is True  # no diff of 64 MiB


@pytest.mark.every_python
@table(RETURNS)
def test_return_code_and_output_become_status_and_body(host: Host, case: Case) -> None:
    answer = host.call(case.body)
    assert (answer.status, len(answer.body)) == (case.status, len(case.answer))
    assert answer.body == case.answer


@columns("cpp", "python")
def test_unregistered_status_becomes_400(host: Host) -> None:
    """0 and 200 are success, registered final statuses and 450 pass through, everything else becomes 400."""
    with host.connect() as client:
        for code in (INT_MIN, -2000, -200, *range(-1, 1000), 1000, 1200, 65536 + 200, INT_MAX):
            answer = client.call(command("status", f"{code}:body"))
            expected = 200 if code == 0 else code if code in FINAL_STATUSES else 400
            assert answer.status == expected, f"{code} became {answer.status}"
            assert answer.body == (b"" if expected in (204, 304) else b"body"), code


def test_request_without_a_body_calls_the_processor_with_size_0(host: Host) -> None:
    """A GET without a body, and an empty POST."""
    before = int(host.call(command("empties")).body)
    for method, body in (("GET", None), ("POST", b""), ("POST", None), ("GET", b"")):
        answer = host.call(body, method=method)
        assert (answer.status, answer.body) == (200, b"")
    assert int(host.call(command("empties")).body) == before + 4


def test_body_of_a_get_reaches_the_processor(host: Host) -> None:
    """The method makes no difference to the processor."""
    assert host.call(b"by GET", method="GET").body == b"by GET"


def test_processor_gets_neither_query_nor_headers(host: Host) -> None:
    """A processor sees the body only."""
    with host.connect() as client:
        headers = [("X-Extra", "1"), ("Authorization", "token"), ("Content-Type", "text/plain")]
        answer = client.send(request("POST", f"{host.path}?a=1&b=2", b"body", headers)).read()
    assert (answer.status, answer.body) == (200, b"body")


# Exceptions.

THROWN = {"cpp": "runtime_error", "java": "IllegalStateException", "python": "ValueError"}
THROWERS = {"cpp": "user_code_that_throws", "java": "userCodeThatThrows", "python": "user_code_that_throws"}


@pytest.mark.parametrize(
    "message", ["it broke", "es ging kaputt: 坏了", "two\nlines", 'with "quotes" and {braces} and %s']
)
def test_exception_answers_400_with_its_message(host: Host, message: str) -> None:
    """The log has its type; the next request works."""
    answer = host.call(command("throw", message))
    assert (answer.status, answer.message) == (400, message)
    host.expect_log(THROWN[host.language])
    assert host.call(b"next").body == b"next"


def test_trace_of_an_exception_has_only_the_users_frames(host: Host) -> None:
    """The log shows where the user's code threw, and nothing of the host's own code."""
    host.call(command("throw", "first"))
    host.call(command("throw", "second"))
    host.expect_log(THROWN[host.language], times=2)
    host.wait_for_log(THROWERS[host.language], times=2)  # the second trace is there, so the first one is whole
    ours = [line for line in host.new_log().splitlines() if OUR_FRAMES.search(line)]
    assert ours == []


@table(
    [
        Case("a C++ int", command("throw-other"), 400, b"int", ("cpp",)),
        Case("a C++ struct", command("throw-odd"), 400, b"Odd", ("cpp",)),
        Case("a Java Error", command("throw-other"), 400, b"an Error is a Throwable too", ("java",)),
        Case("a Java Throwable without a message", command("throw-odd"), 400, b"Odd", ("java",)),
        Case("Java's stack overflow", command("deep"), 400, b"StackOverflowError", ("java",)),
        Case("Java's memory exhausted", command("size", str(INT_MAX)), 400, b"", ("java",)),
        Case("a Python KeyError", command("throw-other"), 400, b"'k'", ("python",)),
        Case("a Python exception without a message", command("throw-odd"), 400, b"", ("python",)),
        Case("Python's recursion limit", command("deep"), 400, b"maximum recursion depth exceeded", ("python",)),
    ]
)
def test_unusual_exception_costs_only_its_own_request(host: Host, case: Case) -> None:
    """This request answers 400."""
    host.allow_log(".")
    answer = host.call(case.body)
    assert answer.status == 400
    assert case.answer in answer.body
    assert host.call(b"next").body == b"next"


def test_exceptions_use_up_no_thread_slot_or_connection(host: Host) -> None:
    host.allow_log(THROWN[host.language])
    with host.connect() as client:
        for number in range(300):
            assert client.call(command("throw", str(number))).message == str(number)
        assert client.call(command("meet", "1:after exceptions")).body == b"met"
    host.wait_for_log(THROWN[host.language], times=300)


# Output.


def test_printed_text_appears_in_the_log(host: Host) -> None:
    """What a processor prints, to either stream, is a line of the log, though a pipe is no terminal."""
    assert host.call(command("print", "привет 1")).body == b"printed"
    host.wait_for_log("out привет 1")
    host.wait_for_log("err привет 1")


def test_output_of_the_maximum_size_arrives_whole(host: Host) -> None:
    answer = host.call(command("size", str(MAX_OUTPUT)))
    assert (answer.status, len(answer.body)) == (200, MAX_OUTPUT)


def test_output_above_the_maximum_answers_500(host: Host) -> None:
    """The output is not cut; the log says how large it was."""
    answer = host.call(command("size", str(MAX_OUTPUT + 1)))
    assert answer.status == 500
    assert len(answer.body) < 1000
    host.expect_log(str(MAX_OUTPUT + 1))
    assert host.call(b"next").body == b"next"


@columns("cpp", "python")
def test_outputs_are_released_after_each_answer(host: Host) -> None:
    """The host's memory does not grow, whether they are answers or errors."""
    size = 4 * MIB
    host.call(command("size", str(size)))
    before = anonymous_memory(host)
    with host.connect() as client:
        for verb in ("size", "size-status", "size-status", "size") * 25:
            assert len(client.call(command(verb, str(size))).body) == size
    growth = anonymous_memory(host) - before
    assert growth < 20 * size // 1024, f"{growth} KiB more after 100 outputs of {size // 1024} KiB"


def anonymous_memory(host: Host) -> int:
    return sum(proc.holdings(pid).anonymous for pid in (host.pid, *host.workers()))


# Threads.


def test_five_requests_run_at_the_same_time(host: Host) -> None:
    """EAS's default number of threads."""
    clients = [host.ask(command("meet", "5:five")) for _ in range(5)]
    assert [client.read().body for client in clients] == [b"met"] * 5
    for client in clients:
        client.close()


def test_slow_requests_after_quick_ones_run_on_all_threads(host: Host) -> None:
    """
    Threads are not woken for quick requests; slow ones must still not wait for each other. The front is
    stopped while they are sent, so that it finds them all at once.
    """
    with host.connect() as client:
        for number in range(300):
            assert client.call(b"%d" % number).body == b"%d" % number
    clients = [host.connect() for _ in range(5)]
    for connected in clients:
        assert connected.call(b"connected").body == b"connected"
    host.send_signal(signal.SIGSTOP)
    for connected in clients:
        connected.send(request("POST", host.path, command("meet", "5:after quick ones")))
    host.send_signal(signal.SIGCONT)
    assert [client.read().body for client in clients] == [b"met"] * 5
    for connected in clients:
        connected.close()


def test_one_free_thread_serves_others_beside_slow_requests(host: Host, gate: Gate) -> None:
    held = [host.ask(gate.command(b"held")) for _ in range(4)]
    gate.wait_entered(4)
    for number in range(50):
        assert host.call(b"%d" % number).body == b"%d" % number
    gate.release(4)
    assert [client.read().body for client in held] == [b"held"] * 4
    for client in held:
        client.close()


def test_quick_answer_is_sent_before_slow_requests_end(host: Host, gate: Gate) -> None:
    """Where many requests wait, the front learns of several completions at once; none is kept until others end."""
    quick = host.connect()
    assert quick.call(b"connected").body == b"connected"
    held = [host.ask(gate.command(b"held")) for _ in range(5)]
    gate.wait_entered(5)
    quick.send(request("POST", host.path, b"quick"))
    held += [host.ask(gate.command(b"held")) for _ in range(20)]
    gate.release()
    gate.wait_entered(6)
    assert quick.read().body == b"quick"
    gate.release(24)
    assert [client.read().body for client in held] == [b"held"] * 25
    for client in [quick, *held]:
        client.close()


# Loading.


def test_processor_is_loaded_once_in_the_entrys_folder(host: Host) -> None:
    """To load is to call initialize, or the constructor and Load."""
    loaded = dict(line.split("=", 1) for line in host.call(command("loaded")).text.splitlines())
    assert loaded["loads"] == "1"
    assert loaded.get("constructed", "1") == "1"
    assert loaded["folder"] == str(host.entry.parent)


# Isolation.


@columns("process")
def test_processor_runs_in_a_child_process_of_the_host(host: Host) -> None:
    assert [int(host.call(command("pid")).body)] == host.workers()


@columns("process")
def test_worker_is_a_new_program_without_the_fronts_modules(host: Host) -> None:
    """A worker is no fork of the front: nothing of HTTP is in it."""
    (worker,) = host.workers()
    assert any("httptools" in path for path in proc.mapped_files(host.pid))
    assert [path for path in proc.mapped_files(worker) if "httptools" in path or "uvloop" in path] == []


@columns("none")
def test_isolation_none_runs_the_processor_in_the_host_process(host: Host) -> None:
    assert int(host.call(command("pid")).body) == host.pid
    assert host.workers() == []
