"""
The table of answers that come after their call has returned: by `done`, by a future, or by a coroutine. Each request is
answered once, with its own answer, within its time, and with no failure but its own.

The processors (answers_later.cc, Later.java, async_contract.py) keep a request that says `hold`, and another request
has it answered. What only one language can do is in test_async_{process,java,python}.py.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from support.gate import Gate
from support.kinds import ENDS_THE_HOST, IN_FLIGHT, KindHost, StartKind, host, kinds, start_kind
from support.wire import Client

__all__ = ["host", "start_kind"]

DIES = "SIGSEGV|SIGABRT|SIGKILL|exit|halt"
CRASHES = {"cpp": ("segv", "abort", "exit"), "java": ("segv", "exit", "halt"), "python": ("segv", "abort", "exit")}
SAID = {"segv": "SIGSEGV", "abort": "SIGABRT", "exit": "exit", "halt": "Runtime.halt(3)"}
TOO_LATE = {"cpp": "released", "java": "too late", "python": "too late"}
"""What `release` finds where nobody waits any more. `done` does not tell."""


class WrongAnswer(NamedTuple):
    """What the client sees, and what the log says."""

    status: int
    message: str
    log: str


def call(host: KindHost, verb: str, argument: str = "") -> tuple[int, str]:
    answer = host.call(f"{verb}:{argument}".encode())
    return answer.status, answer.message


def hold(host: KindHost, clients: ExitStack, *names: str, once: Path | None = None) -> list[Client]:
    """
    Requests that the processor has, and does not answer yet. With a folder, *once*, it does so in their second run:
    "again " + name.
    """
    held = []
    for name in names:
        body = f"hold:{name}" if once is None else f"once:{once}:{name}"
        held.append(clients.enter_context(host.ask(body.encode())))
        host.wait_for_log(f"holds {name}$")
    return held


def use_all_places(host: KindHost, places: int) -> None:
    """Each is free, and gets its own answer."""
    with ExitStack() as clients:
        names = [f"place {number}" for number in range(places - 1)]  # one is for the release
        held = hold(host, clients, *names)
        for name, client in zip(names, held, strict=True):
            assert call(host, "release", name) == (200, "released")
            assert client.read().text == f"hold:{name}"


# What answers.


@kinds("async")
def test_answer_may_be_there_at_once(host: KindHost) -> None:
    """Of any size, and so may one that comes from another thread."""
    for text in ("at once", "", "x" * 3_000_000):
        for verb in ("inside", "later"):
            answer = host.call(f"{verb}:{text}".encode())
            assert answer.status == 200
            assert (answer.text == text) is True  # no diff of 3 MB


@kinds("async")
def test_answers_come_in_the_order_in_which_they_are_ready(host: KindHost) -> None:
    """One thread has several under way, and takes others meanwhile."""
    with ExitStack() as clients:
        names = ("first", "second", "third")
        held = hold(host, clients, *names)
        assert all(client.is_silent() for client in held)
        assert call(host, "inside", "beside") == (200, "beside")
        for name, client in reversed([*zip(names, held, strict=True)]):
            assert call(host, "release", name) == (200, "released")
            answer = client.read()
            assert (answer.status, answer.text) == (200, f"hold:{name}")


@kinds("async", {"java": "a future has no status"})
def test_answer_has_its_status(host: KindHost) -> None:
    assert call(host, "status", "418:no tea") == (418, "no tea")
    assert call(host, "status", "999:what")[0] == 400


# What fails.

THROWN = {
    "cpp": "async_process threw std::runtime_error: bad input",
    "java": "process threw java.lang.IllegalArgumentException: bad input",
    "python": "process raised ValueError: bad input",
}
FUTURE = "the future that process returned failed with java.lang.IllegalArgumentException"


def check_frames(host: KindHost) -> None:
    """The log has the user's frames, and nothing of what is around them."""
    mine = {"java": r"at Later\.\w+\(Later\.java:\d+\)", "python": r"async_contract\.py.*, in throw"}
    if host.language in mine:
        host.wait_for_log(mine[host.language])
    assert not [word for word in ("CompletionException", "eas.host") if word in host.new_log()]


@kinds("async")
def test_exception_of_the_call_answers_400(host: KindHost) -> None:
    """At once, and its place is free."""
    for _ in range(IN_FLIGHT + 1):
        assert call(host, "throw", "bad input") == (400, "bad input")
    host.expect_log(THROWN[host.language], times=IN_FLIGHT + 1)
    check_frames(host)
    use_all_places(host, IN_FLIGHT)


@kinds("async", {"cpp": "an exception that leaves a thread of the processor's own is a crash"})
def test_exception_that_comes_later_answers_400(host: KindHost) -> None:
    for _ in range(IN_FLIGHT + 1):
        assert call(host, "throw later", "bad input") == (400, "bad input")
    said = {"java": f"{FUTURE}: bad input", "python": "process raised ValueError: bad input"}
    host.expect_log(said[host.language], times=IN_FLIGHT + 1)
    check_frames(host)
    use_all_places(host, IN_FLIGHT)


@kinds("async")
def test_failure_that_comes_later_answers_400(host: KindHost) -> None:
    """By an error_code, by an exception of the future, or of what the coroutine awaits."""
    with ExitStack() as clients:
        (held,) = hold(host, clients, "fails")
        assert call(host, "fail", "fails") == (200, "failed")
        answer = held.read()
    assert (answer.status, answer.message) == (400, "no answer")
    said = {"java": f"{FUTURE}: no answer", "python": "process raised ValueError: no answer"}
    if host.language in said:
        host.expect_log(said[host.language])


@kinds("async")
def test_wrong_answer_is_a_failure_of_its_request(host: KindHost) -> None:
    wrong = {
        "cpp": WrongAnswer(500, "done was given a negative output size: -1\n", "negative output size: -1"),
        "java": WrongAnswer(
            400,
            "an answer of Process is a byte[], not an object of java.lang.String",
            "the future that process returned has no answer: java.lang.ClassCastException",
        ),
        "python": WrongAnswer(
            400, "process returned bytes; expected (bytes, int), such as (b'ok', 200)", "process returned bytes"
        ),
    }[host.language]
    for _ in range(IN_FLIGHT + 1):
        assert call(host, "wrong") == (wrong.status, wrong.message)
    host.expect_log(wrong.log)
    use_all_places(host, IN_FLIGHT)


@kinds("async", {"python": "a coroutine returns once"})
def test_second_answer_goes_to_nobody(host: KindHost) -> None:
    with host.connect() as client:
        for _ in range(3):
            answer = client.call(b"twice:once", host.path)
            assert (answer.status, answer.text) == (200, "once")
            assert client.is_silent()
    if host.language == "cpp":  # elsewhere nobody can know
        host.wait_for_log(r"done was called for request_id \d+, which has had its last answer already")
    use_all_places(host, IN_FLIGHT)


# Who waits for whom.


@kinds("async")
def test_request_that_is_never_done_answers_408(start_kind: StartKind) -> None:
    """What comes after the deadline does no harm, and the place is free then."""
    host = start_kind(keepalive=1000, max_in_flight=2)
    host.allow_log("408")
    assert call(host, "hold", "late")[0] == 408
    if host.language == "java":
        host.wait_for_log(
            r"worker 0: after \d\.\d s nobody waits any more: the future that process returned is not complete; it is"
        )
    host.wait_for_log("cancelled late")
    assert call(host, "release", "late") == (200, TOO_LATE[host.language])
    use_all_places(host, 2)


@kinds("async")
def test_client_that_leaves_harms_nobody(host: KindHost) -> None:
    """A future and a task are cancelled, and a library is told; `done` may come when it likes."""
    host.allow_log("499")
    with ExitStack() as clients:
        left = hold(host, clients, *(f"left {number}" for number in range(IN_FLIGHT - 1)))
        for client in left:
            client.reset()
        for number in range(IN_FLIGHT - 1):
            host.wait_for_log(f"cancelled left {number}")
            assert call(host, "release", f"left {number}") == (200, TOO_LATE[host.language])
    host.wait_for_log("499", times=IN_FLIGHT - 1)
    use_all_places(host, IN_FLIGHT)


@kinds("async")
def test_no_more_are_under_way_than_max_in_flight(host: KindHost, gate: Gate) -> None:
    """Further ones wait until one of them has its answer."""
    with ExitStack() as clients:
        body = f"gate:{gate.folder}:held".encode()
        held = [clients.enter_context(host.ask(body)) for _ in range(IN_FLIGHT)]
        gate.wait_entered(IN_FLIGHT)
        waits = clients.enter_context(host.ask(b"inside:waits"))
        host.wait_queue(1)
        assert waits.is_silent()
        gate.release(1)
        assert waits.read().text == "waits"
        gate.release(IN_FLIGHT - 1)
        assert [client.read().text for client in held] == ["held"] * IN_FLIGHT


# Crashes.


@kinds("async", ENDS_THE_HOST)
def test_crash_of_the_call_costs_one_answer(host: KindHost, tmp_path: Path) -> None:
    """It is known whose it was; those that wait run again, and are answered."""
    host.allow_log(DIES)
    for how in CRASHES[host.language]:
        with ExitStack() as clients:
            held = hold(host, clients, f"{how} a", f"{how} b", once=tmp_path)
            answer = host.call(f"die:{how}".encode())
            assert answer.status == 500
            assert SAID[how] in answer.text
            assert [client.read().text for client in held] == [f"again {how} a", f"again {how} b"]


@kinds("async", ENDS_THE_HOST)
def test_crash_on_another_thread_costs_one_answer(host: KindHost, tmp_path: Path) -> None:
    """Nothing tells whose it was: all run again alone, and the one that crashes again is known."""
    host.allow_log(DIES)
    for how in CRASHES[host.language]:
        with ExitStack() as clients:
            held = hold(host, clients, f"{how} a", f"{how} b", once=tmp_path)
            answer = host.call(f"die later:{how}".encode())
            assert answer.status == 500
            assert SAID[how] in answer.text
            assert [client.read().text for client in held] == [f"again {how} a", f"again {how} b"]
    use_all_places(host, IN_FLIGHT)


@kinds("async", ENDS_THE_HOST)
def test_signal_from_outside_blames_no_request(host: KindHost, tmp_path: Path) -> None:
    """All run again, and are answered."""
    host.allow_log(DIES)
    for number in (signal.SIGKILL, signal.SIGSEGV):
        with ExitStack() as clients:
            held = hold(host, clients, f"{number} a", f"{number} b", once=tmp_path)
            host.kill_worker(number=number)
            assert [client.read().text for client in held] == [f"again {number} a", f"again {number} b"]


@kinds("async", ENDS_THE_HOST)
def test_no_retry_holds(start_kind: StartKind) -> None:
    host = start_kind(no_retry=True)
    host.allow_log(DIES)
    with ExitStack() as clients:
        held = hold(host, clients, "a", "b")
        host.kill_worker()
        assert [client.read().status for client in held] == [500, 500]
