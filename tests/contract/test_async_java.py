"""
Answers of processors in Java that come later than Process returns, by a future (docs/async.md).

The processor is Later. A future is open for as long as a test wants: another request completes it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support import LONG, proc
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host, StartHost, Value
from support.wire import Client

OPTIONS: dict[str, Value] = {"worker_threads": 1, "keepalive": LONG}
HIDDEN = ("CompletionException", "eas.host")
"""What the log must not show of an exception."""


@pytest.fixture(scope="module", params=["process", "none"])
def host(request: Any, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:  # noqa: ANN401
    """With one thread. Each test leaves it as it was, but for futures that have names."""
    options = {**OPTIONS, "processor_type": "java", "isolation": request.param}
    with Host(tmp_path_factory.mktemp("host"), entry=builder.jar("Later"), **options) as running:
        yield running


@pytest.fixture
def later(start: StartHost, builder: ProcessorBuilder) -> StartHost:
    """Starts a host with the processor Later."""
    return lambda **options: start("java", builder.jar("Later"), **{**OPTIONS, **options})


def wait_in(host: Host, clients: ExitStack, *names: str) -> list[Client]:
    """Leaves a request open for each of *names*, which are new, and waits until Process has returned for all."""
    before = int(host.call(b"count").body)
    waiting = [clients.enter_context(host.ask(f"wait {name}".encode())) for name in names]
    while int(host.call(b"count").body) < before + len(names):
        pass
    return waiting


def wait_state(host: Host, name: str, state: str) -> None:
    while host.call(f"state {name}".encode()).text != state:
        pass


def test_thread_takes_other_requests_while_futures_are_open(host: Host) -> None:
    """One thread has 40 under way, and they are answered in the order in which their futures complete."""
    with ExitStack() as clients:
        names = [str(number) for number in range(40)]
        waiting = wait_in(host, clients, *names)
        assert all(client.is_silent() for client in waiting)
        assert host.call(b"hello").text == "hello"
        for name, client in reversed([*zip(names, waiting, strict=True)]):
            assert host.call(f"give {name}".encode()).text == "given"
            answer = client.read()
            assert (answer.status, answer.text) == (200, f"given {name}")


@pytest.mark.parametrize("body", ["later text", "stage text", "text"])
def test_future_may_complete_on_any_thread_or_be_complete(host: Host, body: str) -> None:
    for _ in range(20):
        answer = host.call(body.encode())
        assert (answer.status, answer.text) == (200, "text")


def test_second_value_is_ignored(host: Host) -> None:
    with ExitStack() as clients:
        (waiting,) = wait_in(host, clients, "twice")
        assert host.call(b"give twice").text == "given"
        assert host.call(b"give twice").text == "too late"
        assert host.call(b"change twice").text == "changed"
        assert waiting.read().text == "given twice"
        assert waiting.is_silent()


def test_null_is_an_empty_answer(host: Host) -> None:
    """In place of the future, or as its value, as from a Process that answers at once. The log tells of the first."""
    for body in (b"null", b"null later", b"null"):
        answer = host.call(body)
        assert (answer.status, answer.body) == (200, b"")
    host.wait_for_log(r"Later\.Process returned null, which is answered as an empty body")
    assert host.new_log().count("returned null") == 1


@pytest.mark.parametrize(
    ("body", "log"),
    [
        ("throw", "process threw java.lang.IllegalArgumentException: no answer"),
        ("failed", "the future that process returned failed with java.lang.IllegalArgumentException: no answer"),
        ("throw later", "the future that process returned failed with java.lang.IllegalArgumentException: no answer"),
    ],
)
def test_failure_is_what_the_call_or_the_future_failed_with(host: Host, body: str, log: str) -> None:
    """Without what CompletableFuture puts around it, and without the host's frames."""
    answer = host.call(body.encode())
    assert (answer.status, answer.message) == (400, "no answer")
    host.expect_log(re.escape(log))
    host.wait_for_log(r"at Later\.\w+\(Later\.java:\d+\)")
    assert not [word for word in HIDDEN if word in host.new_log() + answer.text]


def test_future_that_fails_before_its_answer_comes(host: Host) -> None:
    with ExitStack() as clients:
        (waiting,) = wait_in(host, clients, "fails")
        assert host.call(b"fail fails").text == "failed"
        answer = waiting.read()
        assert (answer.status, answer.message) == (400, "no answer")
    host.expect_log("failed with java.lang.IllegalArgumentException: no answer")


def test_value_that_is_no_array_is_named(host: Host) -> None:
    """The compiler cannot see it."""
    answer = host.call(b"odd text")
    assert answer.status == 400
    assert answer.message == "an answer of Process is a byte[], not an object of java.lang.String"
    host.expect_log("the future that process returned has no answer: java.lang.ClassCastException")


def test_large_answers_come_whole_or_are_refused(later: StartHost) -> None:
    host = later(max_output=3_000_000)
    assert host.call(b"large 3000000").body == bytes(3_000_000)
    assert host.call(b"large 3000001").status == 500
    host.expect_log("the processor's output has 3000001 bytes, more than the 3000000 of --max-output")


def test_future_that_is_late_is_cancelled_and_gives_up_its_place(later: StartHost) -> None:
    """Its client has 408 at the deadline; the next request needs the only place."""
    host = later(keepalive=1000, max_in_flight=1)
    host.allow_log("408")
    late = host.ask(b"wait late")
    with late:
        assert late.read().status == 408
    wait_state(host, "late", "cancelled")
    assert host.call(b"give late").text == "too late"
    host.wait_for_log(
        r"worker 0: after \d\.\d s nobody waits any more: the future that process returned is not complete; it is"
    )


def test_future_whose_client_leaves_is_cancelled(host: Host) -> None:
    host.allow_log("499")
    with ExitStack() as clients:
        (waiting,) = wait_in(host, clients, f"left {host.isolation}")
        waiting.reset()
        wait_state(host, f"left {host.isolation}", "cancelled")


def test_no_more_are_under_way_than_the_option_says(later: StartHost) -> None:
    """A third request waits until one of two has its answer."""
    host = later(max_in_flight=2, worker_threads=3)
    gate = Gate(host.folder / "gate")
    with gate, ExitStack() as clients:
        body = f"gate {gate.folder}:held".encode()
        held = [clients.enter_context(host.ask(body)) for _ in range(2)]
        gate.wait_entered(2)
        third = clients.enter_context(host.ask(b"third"))
        host.wait_queue(1)
        assert third.is_silent()
        gate.release(1)
        assert third.read().text == "third"
        gate.release(1)
        assert [client.read().text for client in held] == ["held", "held"]


def test_place_of_a_client_that_leaves_is_free(later: StartHost) -> None:
    """The requests behind it need it."""
    host = later(max_in_flight=1)
    host.allow_log("499")
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate {gate.folder}:held".encode()) as held, ExitStack() as clients:
        gate.wait_entered()
        behind = [clients.enter_context(host.ask(b"behind")) for _ in range(3)]
        host.wait_queue(3)
        held.reset()
        assert [client.read().text for client in behind] == ["behind"] * 3


@pytest.mark.parametrize(
    ("how", "said"),
    [("exit", "System.exit(3)"), ("halt", "Runtime.halt(3)"), ("segv", "SIGSEGV")],
)
def test_crash_of_a_future_costs_its_own_request(later: StartHost, how: str, said: str) -> None:
    """No thread of the host's has either: all that were under way run again, each by itself."""
    host = later()
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate {gate.folder}:innocent".encode()) as innocent:
        (entry,) = gate.wait_entered()
        host.allow_log(re.escape(said))
        with host.ask(how.encode()) as guilty:
            again = gate.wait_entered(2)[-1]
            gate.release(2)
            assert again.pid != entry.pid
            assert innocent.read().text == "innocent"
            answer = guilty.read()
    assert answer.status == 500
    assert said in answer.text
    assert host.call(b"next").text == "next"


def test_crash_in_the_call_is_known_to_be_its_own(later: StartHost) -> None:
    """Its thread has it; the open one is none of the suspects, and runs again at once."""
    host = later()
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate {gate.folder}:innocent".encode()) as innocent:
        gate.wait_entered()
        answer = host.call(b"crash")
        assert answer.status == 500
        host.expect_log("SIGSEGV")
        gate.wait_entered(2)
        gate.release(2)
        assert innocent.read().text == "innocent"


def test_open_futures_of_a_killed_worker_run_again(later: StartHost) -> None:
    host = later()
    host.allow_log("SIGKILL")
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate {gate.folder}:open".encode()) as waiting:
        (entry,) = gate.wait_entered()
        host.kill_worker(entry.pid)
        gate.wait_entered(2)
        gate.release(2)
        assert waiting.read().text == "open"


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_stop_waits_for_open_futures(later: StartHost, isolation: str) -> None:
    host = later(isolation=isolation)
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate {gate.folder}:open".encode()) as waiting:
        gate.wait_entered()
        host.process.terminate()
        host.wait_for_log("shutting down")
        gate.release()
        assert waiting.read().text == "open"
    host.ends_with(0)


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_future_that_never_completes_keeps_no_host(later: StartHost, isolation: str) -> None:
    """It ends when the time of its request is up."""
    host = later(isolation=isolation, keepalive=1000)
    host.allow_log("408|503")
    with ExitStack() as clients:
        (waiting,) = wait_in(host, clients, "never")
        host.process.terminate()
        assert waiting.read().status in (408, 503)
        host.ends_with(0)


def test_open_futures_of_an_old_version_are_answered_by_it(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """A reload waits for them."""
    jar = tmp_path / "processor.jar"
    shutil.copy(builder.jar("Later"), jar)
    host = start("java", jar, reload=True, **OPTIONS)
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate {gate.folder}:old".encode()) as waiting:
        (entry,) = gate.wait_entered()
        watch = proc.Watch(entry.pid)
        other = jar.with_name("other")
        shutil.copy(builder.jar("StringToString"), other)
        other.rename(jar)
        host.wait_for_log("Service reload successfully")
        assert host.call(b"new").text == "<new>"
        gate.release()
        assert waiting.read().text == "old"
    assert watch.wait()


def test_log_says_what_is_awaited(host: Host) -> None:
    """Where it says where threads are: no thread has the call."""
    with ExitStack() as clients:
        (waiting,) = wait_in(host, clients, "shown")
        assert host.call(None, "/api/builtin/eastool", "GET").status == 200
        host.wait_for_log("calls that no thread has:")
        host.wait_for_log(r"  for \d\.\d s: the future that process returned is not complete")
        host.call(b"give shown")
        assert waiting.read().status == 200


def test_batches_are_not_made_of_requests_that_are_answered_later(later: StartHost) -> None:
    host = later(batching="adaptive")
    host.wait_for_log(r"batching has no effect: Later\.Process returns CompletionStage<byte\[\]>")
    assert host.call(b"later text").text == "text"


def test_explanation_has_the_times_of_a_future(later: StartHost) -> None:
    answer = later(explain=True).call(b"later text")
    assert (answer.get("X-Processor-Status"), answer.get("X-Processor-Worker")) == ("200", "0")
    assert re.fullmatch(r"queue;dur=\d+\.\d+, call;dur=\d+\.\d+", answer.get("Server-Timing") or "")
