"""
Batches: requests that wait go to the processor in one call, and each is answered as if it had been alone: with its own
answer, within its time, and with no failure but its own.

Most tests hold a call of the only thread at a gate; what is asked meanwhile is the next batch.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from eas_host.config import HostConfig
from eas_host.errors import ConfigError
from eas_host.make_spec import make_spec
from support import LONG
from support.build import ProcessorBuilder
from support.columns import LANGUAGES
from support.gate import Gate, hold
from support.host import Host, StartHost
from support.wire import Client, Response, command

ONE_THREAD = {"worker_threads": 1, "batching": "adaptive", "keepalive": LONG, "explain": True}
DIES = "SIGSEGV|SIGKILL"
CRASHES = {
    "cpp": ("segv", "abort", "_exit:1"),
    "java": ("segv", "exit:1", "_exit:1"),
    "python": ("segv", "abort", "os._exit:1"),  # of which its worker is told
}

each_language = pytest.mark.parametrize("language", LANGUAGES)


@contextmanager
def waiting(host: Host, gate: Gate, *bodies: bytes) -> Iterator[list[Client]]:
    """Clients that have sent *bodies*, which are the next batch once the gate is released."""
    with ExitStack() as clients:
        hold(host, gate, clients, 1)
        asked = []
        for number, body in enumerate(bodies):
            asked.append(clients.enter_context(host.ask(body)))
            host.wait_queue(number + 1)
        yield asked


def answers(host: Host, gate: Gate, *bodies: bytes) -> list[Response]:
    """What is answered to *bodies*, which are one batch."""
    with waiting(host, gate, *bodies) as asked:
        gate.release()
        return [client.read() for client in asked]


def statuses(answered: list[Response]) -> list[int]:
    return [answer.status for answer in answered]


def batch_sizes(answered: list[Response]) -> list[str | None]:
    return [answer.get("X-Processor-Batch") for answer in answered]


def metric(host: Host, name: str) -> float:
    text = host.call(None, "/api/builtin/metrics", "GET").text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found is not None, f"no {name} in {text}"
    return float(found[1])


# What is a batch.


@each_language
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_requests_that_wait_go_together(start: StartHost, language: str, gate: Gate, isolation: str) -> None:
    """Each gets its own answer, bodies of all sizes are in one batch, and metrics count it."""
    host = start(language, isolation=isolation, **ONE_THREAD)
    bodies = [b"a", b"", b"b" * 3_000_000, b"c" * 100_000]
    answered = answers(host, gate, *bodies)
    assert [answer.body for answer in answered] == bodies
    assert batch_sizes(answered) == ["4"] * 4
    assert metric(host, 'eas_host_batch_size_bucket{le="1"}') == 1
    assert metric(host, 'eas_host_batch_size_bucket{le="4"}') == 2
    assert metric(host, "eas_host_batch_size_sum") == 5
    assert metric(host, "eas_host_batch_wait_seconds_total") > 0


def test_native_worker_makes_batches(start: StartHost, gate: Gate) -> None:
    """The program without Python does the same."""
    host = start(worker="native", **ONE_THREAD)
    assert batch_sizes(answers(host, gate, b"a", b"b")) == ["2", "2"]


@each_language
def test_batch_is_no_larger_than_it_may_be(start: StartHost, language: str, gate: Gate) -> None:
    """Neither in requests nor in bytes; one that is too large by itself goes alone."""
    host = start(language, **ONE_THREAD, max_batch_size=3, max_batch_bytes=1000)
    bodies = [b"1", b"2", b"3", b"4" * 600, b"5" * 600, b"6" * 2000, b"7"]
    assert batch_sizes(answers(host, gate, *bodies)) == ["3"] * 3 + ["1"] * 4


@each_language
def test_fixed_batches_wait_for_their_time_or_their_size(start: StartHost, language: str) -> None:
    """EAS's rule: the last of four requests makes the batch; one alone has to wait for the time-out."""
    host = start(language, **{**ONE_THREAD, "batching": "fixed"}, max_batch_size=4, max_batch_timeout=LONG // 2)
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(b"%d" % number)) for number in range(4)]
        answered = [client.read() for client in asked]
    assert batch_sizes(answered) == ["4"] * 4


@each_language
def test_oldest_request_waits_no_longer_than_the_time_out(start: StartHost, language: str) -> None:
    """A batch that never gets full is made then."""
    host = start(language, **{**ONE_THREAD, "batching": "fixed"}, max_batch_timeout=100)
    answer = host.call(b"alone")
    assert answer.get("X-Processor-Batch") == "1"
    queued = re.search(r"queue;dur=([\d.]+)", answer.get("Server-Timing") or "")
    assert queued is not None
    assert float(queued[1]) >= 99


@each_language
def test_client_that_leaves_is_in_no_batch(start: StartHost, language: str, gate: Gate) -> None:
    """A request that waits can still be cancelled."""
    host = start(language, **ONE_THREAD)
    with waiting(host, gate, b"a", b"leaves", b"b") as clients:
        clients[1].reset()
        host.wait_for_log("499")
        gate.release()
        assert batch_sizes([clients[0].read(), clients[2].read()]) == ["2", "2"]


@each_language
def test_one_request_too_many_is_refused(start: StartHost, language: str, gate: Gate) -> None:
    """The queue is as long as it is said to be, however few requests the thread runs now."""
    host = start(language, **ONE_THREAD, max_queue_size=2)
    with waiting(host, gate, b"a", b"b") as clients, host.connect() as client:
        for _ in range(3):  # the last ones on the data plane's fast path
            assert client.call(b"c", host.path).status == 450
        gate.release()
        assert statuses([one.read() for one in clients]) == [200, 200]


@each_language
def test_requests_whose_time_is_up_answer_408(start: StartHost, language: str, gate: Gate) -> None:
    """Those that wait, and those in a call; the thread goes on afterwards."""
    host = start(language, **{**ONE_THREAD, "worker_threads": 2, "keepalive": 1000})
    host.allow_log("408|stuck")
    with ExitStack() as clients:
        held = hold(host, gate, clients, 1) + hold(host, gate, clients, 1)  # two at once might be one batch
        asked = [clients.enter_context(host.ask(b"%d" % number)) for number in range(3)]
        assert statuses([client.read() for client in (*held, *asked)]) == [408] * 5
        gate.release(2)
    assert host.call(b"next").body == b"next"


# What fails.


@pytest.mark.parametrize(("language", "how"), [(language, how) for language in CRASHES for how in CRASHES[language]])
def test_crash_in_a_batch_costs_one_answer(start: StartHost, language: str, gate: Gate, how: str) -> None:
    """
    Any request of the batch may have caused it, so each of them runs again alone: the one that crashes again answers
    500. Those that ran beside the batch, on other threads, are not suspected, and run again at once.
    """
    host = start(language, **{**ONE_THREAD, "worker_threads": 2})
    host.allow_log("SIGSEGV|SIGABRT|exit|halt")
    with ExitStack() as clients:
        held = hold(host, gate, clients, 1) + hold(host, gate, clients, 1)  # two at once might be one batch
        asked = [clients.enter_context(host.ask(body)) for body in (b"a", command("die", how), b"b")]
        host.wait_queue(3)
        gate.release()  # one of the two threads
        gate.wait_left()
        answered = [client.read() for client in asked]
        gate.release(10)
        assert statuses([client.read() for client in held]) == [200, 200]
    assert statuses(answered) == [200, 500, 200]
    assert [answered[0].body, answered[2].body] == [b"a", b"b"]
    assert batch_sizes([answered[0], answered[2]]) == [None, None]  # they were in a batch, and then alone
    assert host.call(b"next").body == b"next"


@each_language
def test_killed_batch_runs_again(start: StartHost, language: str, gate: Gate) -> None:
    """`kill -9` proves nothing against any of them."""
    host = start(language, **ONE_THREAD)
    host.allow_log(DIES)
    with ExitStack() as clients:
        held = hold(host, gate, clients, 1)
        asked = [clients.enter_context(host.ask(body)) for body in (b"a", gate.command(b"inside"), b"b")]
        host.wait_queue(3)
        gate.release()
        gate.wait_entered(2)
        assert held[0].read().status == 200
        host.kill_worker()
        gate.wait_entered(3)
        gate.release(10)
        answered = [client.read() for client in asked]
    assert [answer.body for answer in answered] == [b"a", b"inside", b"b"]


@each_language
def test_no_retry_holds_for_batches(start: StartHost, language: str, gate: Gate) -> None:
    """With --no-retry all requests of a batch that ended its worker answer 500."""
    host = start(language, **ONE_THREAD, no_retry=True)
    host.allow_log(DIES)
    answered = answers(host, gate, b"a", command("die", "segv"))
    assert statuses(answered) == [500, 500]


@each_language
def test_signal_from_outside_blames_no_batch(start: StartHost, language: str, gate: Gate) -> None:
    """Whichever thread it reaches: all that ran are suspects, run again alone, and are answered."""
    host = start(language, **{**ONE_THREAD, "worker_threads": 2})
    host.allow_log("SIGSEGV")
    with ExitStack() as clients:
        held = hold(host, gate, clients, 1) + hold(host, gate, clients, 1)
        os.kill(host.workers()[0], signal.SIGSEGV)
        gate.release(10)
        assert statuses([client.read() for client in held]) == [200, 200]


# How it is asked for.


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"max_batch_timeout": 5000}, "--max-batch-timeout 5000 is not less than --keepalive 5000"),
        ({"max_batch_size": 65}, "--max-batch-size 65 is more than --max-queue-size 64"),
    ],
    ids=str,
)
def test_fixed_batches_that_cannot_be_are_refused(builder: ProcessorBuilder, options: dict[str, Any], why: str) -> None:
    """With what to do; where batches are adaptive the same bounds are fine."""
    spec = HostConfig(entry=str(builder.contract("cpp")), batching="fixed", **options)
    with pytest.raises(ConfigError, match=re.escape(why)):
        make_spec(spec)
    make_spec(replace(spec, batching="adaptive"))


@each_language
def test_free_threads_count_as_room(start: StartHost, language: str) -> None:
    """As many requests as without batches may come at once: one for each thread, and those that may wait."""
    host = start(language, **{**ONE_THREAD, "worker_threads": 5}, max_queue_size=1)
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(b"%d" % number)) for number in range(6)]
        assert statuses([client.read() for client in asked]) == [200] * 6


def test_library_without_batch_process_is_told(start: StartHost, builder: ProcessorBuilder) -> None:
    """Its requests run one by one."""
    host = start(entry=builder.cpp("plain_c"), batching="adaptive")
    host.wait_for_log("batching has no effect: the library exports no batch_process")
    assert host.call(b"x").status == 200
