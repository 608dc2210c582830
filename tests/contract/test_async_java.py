"""
Answers of processors in Java that come later than Process returns, by a future (docs/async.md): what only a future can
do; what is the same in all languages is in kinds/test_async_table.py.

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
    waiting = []
    for name in names:
        waiting.append(clients.enter_context(host.ask(f"hold:{name}".encode())))
        host.wait_for_log(f"holds {name}$")
    return waiting


def test_thread_takes_other_requests_while_futures_are_open(host: Host) -> None:
    """One thread has 40 under way, and they are answered in the order in which their futures complete."""
    with ExitStack() as clients:
        names = [str(number) for number in range(40)]
        waiting = wait_in(host, clients, *names)
        assert all(client.is_silent() for client in waiting)
        assert host.call(b"hello").text == "hello"
        for name, client in reversed([*zip(names, waiting, strict=True)]):
            assert host.call(f"release:{name}".encode()).text == "released"
            answer = client.read()
            assert (answer.status, answer.text) == (200, f"hold:{name}")


def test_future_may_be_any_stage(host: Host) -> None:
    for _ in range(20):
        answer = host.call(b"stage:text")
        assert (answer.status, answer.text) == (200, "text")


def test_second_value_is_ignored(host: Host) -> None:
    """Also where it is forced upon the future."""
    with ExitStack() as clients:
        (waiting,) = wait_in(host, clients, "twice")
        assert host.call(b"release:twice").text == "released"
        assert host.call(b"release:twice").text == "too late"
        assert host.call(b"change:twice").text == "changed"
        assert waiting.read().text == "hold:twice"
        assert waiting.is_silent()


def test_null_is_an_empty_answer(host: Host) -> None:
    """In place of the future, or as its value, as from a Process that answers at once. The log tells of the first."""
    for body in (b"null", b"null:later", b"null"):
        answer = host.call(body)
        assert (answer.status, answer.body) == (200, b"")
    host.wait_for_log(r"Later\.Process returned null, which is answered as an empty body")
    assert host.new_log().count("returned null") == 1


def test_future_may_have_failed_already(host: Host) -> None:
    """Without what CompletableFuture puts around it, and without the host's frames."""
    answer = host.call(b"failed")
    assert (answer.status, answer.message) == (400, "no answer")
    host.expect_log(
        re.escape("the future that process returned failed with java.lang.IllegalArgumentException: no answer")
    )
    host.wait_for_log(r"at Later\.\w+\(Later\.java:\d+\)")
    assert not [word for word in HIDDEN if word in host.new_log() + answer.text]


def test_large_answers_come_whole_or_are_refused(later: StartHost) -> None:
    host = later(max_output=3_000_000)
    assert host.call(b"large:3000000").body == bytes(3_000_000)
    assert host.call(b"large:3000001").status == 500
    host.expect_log("the processor's output has 3000001 bytes, more than the 3000000 of --max-output")


def test_place_of_a_client_that_leaves_is_free(later: StartHost) -> None:
    """The requests behind it need it."""
    host = later(max_in_flight=1)
    host.allow_log("499")
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate:{gate.folder}:held".encode()) as held, ExitStack() as clients:
        gate.wait_entered()
        behind = [clients.enter_context(host.ask(b"behind")) for _ in range(3)]
        host.wait_queue(3)
        held.reset()
        assert [client.read().text for client in behind] == ["behind"] * 3


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_stop_waits_for_open_futures(later: StartHost, isolation: str) -> None:
    host = later(isolation=isolation)
    gate = Gate(host.folder / "gate")
    with gate, host.ask(f"gate:{gate.folder}:open".encode()) as waiting:
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
    with gate, host.ask(f"gate:{gate.folder}:old".encode()) as waiting:
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
        host.call(b"release:shown")
        assert waiting.read().status == 200


def test_batches_are_not_made_of_requests_that_are_answered_later(later: StartHost) -> None:
    host = later(batching="adaptive")
    host.wait_for_log(r"batching has no effect: Later\.Process returns CompletionStage<byte\[\]>")
    assert host.call(b"later:text").text == "text"


def test_explanation_has_the_times_of_a_future(later: StartHost) -> None:
    answer = later(explain=True).call(b"later:text")
    assert (answer.get("X-Processor-Status"), answer.get("X-Processor-Worker")) == ("200", "0")
    assert re.fullmatch(r"queue;dur=\d+\.\d+, call;dur=\d+\.\d+", answer.get("Server-Timing") or "")
