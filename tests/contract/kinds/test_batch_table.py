"""
The table of batches: what one request of three says that its call, or its own answer, is like; what it and the other
two are answered; and what the log says. The processors (batches.cc, Batches.java, batches.py) answer "together BODY"
in a batch and "alone BODY" in the call for one.

What only one language can do is in test_batching_java.py and tests/sdk/test_batches.py, how batches are formed in
test_batching.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import NamedTuple

from support import proc
from support.kinds import ENDS_THE_HOST, MAX_OUTPUT, KindHost, StartKind, host, kinds, kinds_of_rows, start_kind
from support.wire import Response

__all__ = ["host", "start_kind"]

AGAIN = "its 3 requests run again, each by itself, in"
OTHERS = (b"a", b"b")
MIB = 1 << 20


class Own(NamedTuple):
    """
    What one language does with a request.

    Attributes:
        status: of the request's answer.
        text: what its answer has in it.
        others: the call that answers the other two.
        log: a pattern that is found in the log; "" for none.
    """

    status: int
    text: str
    others: str
    log: str = ""


class Row(NamedTuple):
    """
    A request and its effect on a batch.

    Attributes:
        name: of the case.
        own: the effect, by language.
        left_out: the columns in which there is no such case, with the reason.
        body: what the request is, if not its name.
        places: where it stands among the three.
        allowed: errors in the log that belong to it.
    """

    name: str
    own: Mapping[str, Own]
    left_out: Mapping[str, str] = {}
    body: bytes = b""
    places: tuple[int, ...] = (0, 1, 2)
    allowed: str = "threw|raised|returned|the same block|--max-output"


def threw(status: int, text: str) -> dict[str, Own]:
    """What a call that throws does, if the request alone is then answered *status*, *text*."""
    return {
        "cpp": Own(status, text, "alone", f"batch_process threw std::runtime_error: bad input; {AGAIN} process"),
        "java": Own(
            status,
            text,
            "alone",
            r"Batches\.Process\(byte\[\]\[\]\) threw for a batch; "
            f"{AGAIN} Process: java.lang.IllegalStateException: bad input",
        ),
        "python": Own(status, text, "alone", f"batch_process raised ValueError: bad input; {AGAIN} process"),
    }


def wrong_list(verb: str, java: str, python: str) -> Row:
    """A call that returns answers for which nobody knows whose they are."""
    expected = r"for a batch of 3; expected a list of 3, with \(bytes, int\), such as \(b'ok', 200\), for each request"
    array = r"not an array of length 3 with a byte\[\] for each input, for a batch"
    return Row(
        verb,
        {
            "java": Own(
                200,
                f"alone {verb}",
                "alone",
                rf"Batches\.Process\(byte\[\]\[\]\) returned {java}, {array}; {AGAIN} Process",
            ),
            "python": Own(
                200,
                f"alone {verb}",
                "alone",
                rf"Batches\.batch_process returned {python} {expected}; {AGAIN} process",
            ),
        },
        {"cpp": "its arrays of outputs are the host's, and as long as the batch"},
    )


def same(own: Own, *languages: str) -> dict[str, Own]:
    return dict.fromkeys(languages or ("cpp", "java", "python"), own)


def died(status: int, text: Mapping[str, str]) -> dict[str, Own]:
    return {language: Own(status, text[language], "alone") for language in text}


NO_STATUS = {"java": "Process returns no status"}
SIGNALS = {"cpp": "SIGABRT", "java": "System.exit(3)", "python": "SIGABRT"}
ANSWERED = Own(200, "together", "together")

ROWS = [
    Row("throws", threw(400, "bad input")),
    Row("throws together", threw(200, "alone throws together")),
    Row(
        "status",
        {
            "cpp": Own(418, "alone status", "alone", f"batch_process returned 418 for a batch; {AGAIN} process"),
            "python": Own(418, "together status", "together"),
        },
        NO_STATUS,
    ),
    Row(
        "status together",
        {"cpp": Own(200, "alone status together", "alone", f"batch_process returned 418 for a batch; {AGAIN} process")},
        NO_STATUS | {"python": "each answer has a status of its own"},
    ),
    wrong_list("no list", "null", "NoneType"),
    wrong_list("too short", "an array of length 2", "list of [0-2]"),
    wrong_list("too long", "an array of length 4", "list of [258]"),
    Row(
        "nothing",
        {
            "cpp": Own(200, "", "together"),
            "java": Own(200, "", "together"),
            "python": Own(
                400,
                "Batches.batch_process returned a list of 3 whose item",
                "together",
                r"Batches\.batch_process returned a list of 3 whose item \d is NoneType; expected \(bytes, int\)",
            ),
        },
    ),
    Row(
        "wrong output",
        {"cpp": Own(500, "process returned a negative output size: -1", "together", "negative output size: -1")},
        {"java": "an array has the length that it has", "python": "the same as nothing"},
    ),
    Row(
        "shared",
        {
            "cpp": Own(500, "has put the same block into the outputs of two requests", "together", "the same block"),
            **same(Own(200, "together a", "together"), "java", "python"),
        },
        places=(1,),
    ),
    Row(
        "the input",
        {
            "cpp": Own(500, "returned a pointer into an input", "together", "a pointer into an input"),
            **same(Own(200, "the input", "together"), "java", "python"),
        },
    ),
    Row(
        "an output above the maximum",
        same(
            Own(500, "", "together", f"output has {MAX_OUTPUT + 9} bytes, more than the {MAX_OUTPUT} of --max-output")
        ),
        body=b"x" * MAX_OUTPUT,
        places=(1,),
    ),
    Row(
        "ends its thread",
        {
            "cpp": Own(400, "", "alone", rf"batch_process ended its thread \(pthread_exit\); {AGAIN} process"),
            "python": Own(
                400,
                "SystemExit: 3; a processor must not end its process",
                "alone",
                f"batch_process raised SystemExit: 3; a processor must not end its process, as sys.exit does; {AGAIN}",
            ),
        },
        {"java": "no method ends the thread that runs it"},
        allowed="pthread_exit|raised",
    ),
    Row("dies", died(500, SIGNALS), ENDS_THE_HOST, places=(1,), allowed="SIGABRT|System.exit"),
    Row("dies in thread", died(500, SIGNALS), ENDS_THE_HOST, places=(1,), allowed="SIGABRT|System.exit"),
    Row(
        "dies together",
        died(200, dict.fromkeys(SIGNALS, "alone dies together")),
        ENDS_THE_HOST,
        places=(1,),
        allowed="SIGABRT|System.exit",
    ),
]


def answers(host: KindHost, *bodies: bytes) -> list[Response]:
    """What is answered to *bodies*, which are one batch."""
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(body)) for body in bodies[:-1]]
        host.wait_queue(len(asked))
        asked.append(clients.enter_context(host.ask(bodies[-1])))
        return [client.read() for client in asked]


@kinds_of_rows("batch", ROWS)
def test_request_of_a_batch_costs_its_own_answer_at_most(host: KindHost, row: Row) -> None:
    """Wherever it stands. The others are answered, once each, and so is the next batch."""
    host.allow_log(row.allowed)
    own = row.own[host.language]
    for place in row.places:
        bodies = [*OTHERS[:place], row.body or row.name.encode(), *OTHERS[place:]]
        answered = answers(host, *bodies)
        mine = answered.pop(place)
        assert mine.status == own.status
        assert own.text in mine.text
        if own.status == 200 and not own.text:
            assert mine.body == b""
        assert [(answer.status, answer.text) for answer in answered] == [
            (200, f"{own.others} {body.decode()}") for body in OTHERS
        ]
    if own.log:
        host.wait_for_log(own.log)
    assert [answer.text for answer in answers(host, b"1", b"2", b"3")] == ["together 1", "together 2", "together 3"]
    assert "at eas.host" not in host.new_log()


@kinds("batch", {"java": "outputs are the JVM's, which frees them when it likes"})
def test_every_output_of_a_batch_is_freed(host: KindHost) -> None:
    """
    Whether it was answered, or the call returned a failure after it had been made, or its size was wrong. After an
    exception the host does not touch it (processor.h).
    """
    host.allow_log("returned|negative")
    ways = [b"large", b"status", b"wrong output" if host.language == "cpp" else b"nothing"]
    for last in ways:
        answers(host, b"large", b"large", last)
    before = anonymous_memory(host)
    for _ in range(15):
        for last in ways:
            assert len(answers(host, b"large", b"large", last)[0].body) == MIB
    growth = anonymous_memory(host) - before
    assert growth < 20 << 10, f"{growth} KiB more after {15 * 2 * len(ways)} outputs of 1 MiB"


@kinds("batch")
def test_requests_of_a_batch_that_hangs_answer_408(start_kind: StartKind) -> None:
    """Each when its own time is up; the log has the place, once."""
    host = start_kind(keepalive=1000, max_batch_timeout=900)
    host.allow_log("408|killed|stuck")
    assert [answer.status for answer in answers(host, b"a", b"hangs", b"b")] == [408] * 3
    where = {"cpp": r"at batch_process \(", "java": r"at Batches\.hang\(", "python": r"batches\.py.*, in hang"}
    host.wait_for_log(where[host.language])
    report = host.new_log().split("where the busy worker thread")[1]
    assert report.count("worker-thread-0") == 1
    assert "at eas.host" not in host.new_log()


def anonymous_memory(host: KindHost) -> int:
    return sum(proc.holdings(pid).anonymous for pid in (host.pid, *host.workers()))
