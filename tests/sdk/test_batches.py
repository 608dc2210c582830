"""
`batch_process` of a processor in Python: what only it may return and raise, and what becomes of each request. The
language makes no difference to the rest, which tests/contract/test_batching.py and kinds/test_batch_table.py have.

Batches are fixed here: as many requests as a batch has are one.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

import pytest

from support import LONG
from support.app import Apps, apps
from support.gate import Gate
from support.host import Host
from support.wire import Response, command, request

__all__ = ["apps"]

each_way = pytest.mark.parametrize("way", ["alone", "hosted"])

DIRECTED = """\
import asyncio

class EvilList(list):
    def __iter__(self):
        raise LookupError("no way")

class Evil:
    def __index__(self):
        raise LookupError("no number")

async def later(answers):
    return answers

def parts(count, size):
    for _ in range(count):
        yield b"." * size

def fails():
    raise ValueError("no first part")
    yield b"second part"

RESULTS = {
    b"short": lambda answers: answers[1:],
    b"iterator": iter,
    b"map": lambda answers: dict(enumerate(answers)),
    b"coroutine": later,
    b"one pair": lambda answers: (answers, 200),
    b"evil": EvilList,
    b"tuple": tuple,
    b"lists": lambda answers: [list(answer) for answer in answers],
    b"types": lambda _: [("text", 200), (bytearray(b"array"), 0.0), (memoryview(b"view"), True), ({"y": 1}, 404)],
    b"parts": lambda answers: [(b"ok", 200), parts(2, 3), (iter([b"one ", "two"]), 404)],
    b"fails": lambda answers: [fails(), (b"ok", 200), parts(2, 3)],
    b"much": lambda answers: [parts(300, 100_000)],
    b"bare": lambda answers: [(b"ok", 200), (b"ok", 200), b"bare"],
    b"late": lambda answers: [later(answers), (b"ok", 200), (b"ok", 200)],
    b"status": lambda answers: [(b"ok", 200), (b"ok", "fine"), (b"ok", Evil())],
}

class Directed(Contract):
    def process(self, data):
        return b"alone " + data, 200

    def batch_process(self, batch):
        answers = [(b"%d " % len(batch) + data, 200) for data in batch]
        for data in list(batch):
            if data.startswith(b"raise"):
                raise ValueError(data.decode())
            if data == b"interrupt":
                raise KeyboardInterrupt
            if data == b"clear":
                batch.clear()
            if data in RESULTS:
                return RESULTS[data](answers)
        return answers
"""
RUN = "Directed(worker_threads=2).run()"


def batches_of(size: int) -> dict[str, str]:
    """The variables that make batches of *size* requests."""
    options = {"batching": "fixed", "max_batch_size": size, "max_batch_timeout": LONG // 2, "keepalive": LONG}
    return {f"EAS_HOST_{name.upper()}": str(value) for name, value in {**options, "explain": "true"}.items()}


def ask_together(host: Host, *bodies: bytes) -> list[Response]:
    """What is answered to *bodies*, which wait in this order until they are as many as a batch has."""
    with ExitStack() as clients:
        asked = []
        for number, body in enumerate(bodies):
            asked.append(clients.enter_context(host.ask(body)))
            if number + 1 < len(bodies):
                host.wait_queue(number + 1)
        return [client.read() for client in asked]


def bodies_of(answered: list[Response]) -> list[bytes]:
    return [answer.body for answer in answered]


@pytest.mark.every_python
@each_way
def test_each_request_gets_its_own_answer(apps: Apps, way: str) -> None:
    """In both forms of the native library, and whichever process the program runs in."""
    host = apps.start(RUN, DIRECTED, batches_of(3), way)
    answered = ask_together(host, b"a", b"b" * 100_000, b"")
    assert bodies_of(answered) == [b"3 a", b"3 " + b"b" * 100_000, b"3 "]
    assert [answer.get("X-Processor-Batch") for answer in answered] == ["3"] * 3


@pytest.mark.parametrize("way", ["alone", "none"])
def test_answers_may_have_all_types_that_process_may_return(apps: Apps, way: str) -> None:
    """And the list may be a tuple. What is sent as str() of it is said once."""
    host = apps.start(RUN, DIRECTED, batches_of(4), way)
    assert bodies_of(ask_together(host, b"tuple", b"a", b"b", b"c")) == [b"4 tuple", b"4 a", b"4 b", b"4 c"]
    assert bodies_of(ask_together(host, b"lists", b"a", b"clear", b"c")) == [b"4 lists", b"4 a", b"4 clear", b"4 c"]
    for _ in range(2):
        answered = ask_together(host, b"types", b"a", b"b", b"c")
        assert bodies_of(answered) == [b"text", b"array", b"view", b"{'y': 1}"]
        assert [answer.status for answer in answered] == [200, 200, 400, 404]
    host.wait_for_log("batch_process returned dict as data; it is sent as str")
    assert host.log.text().count("batch_process returned dict") == 1


def test_answer_in_a_batch_may_come_in_parts(apps: Apps) -> None:
    """Beside whole ones. If it fails, that is its own matter."""
    host = apps.start(RUN, DIRECTED, batches_of(3), "hosted")
    host.allow_log("no first part")
    answered = ask_together(host, b"parts", b"a", b"b")
    assert bodies_of(answered) == [b"ok", b"......", b"one two"]
    assert [answer.status for answer in answered] == [200, 200, 404]
    answered = ask_together(host, b"a", b"fails", b"b")
    assert [answer.status for answer in answered] == [400, 200, 200]
    assert answered[0].message == "no first part"
    assert bodies_of(answered[1:]) == [b"ok", b"......"]


@each_way
def test_client_that_reads_slowly_keeps_no_thread_from_batches(apps: Apps, way: str) -> None:
    """The only thread takes others meanwhile, and goes on with that answer when there is room."""
    host = apps.start("Directed(worker_threads=1).run()", DIRECTED, batches_of(1), way)
    with host.ask(b"much") as reads_slowly:
        for number in range(20):
            assert host.call(b"%d" % number).body == b"1 %d" % number
        assert len(reads_slowly.read().body) == 30_000_000


class Wrong(NamedTuple):
    """What is no answer for three requests, and how the log describes it."""

    body: bytes
    said: str


EXPECTED = r"for a batch of 3; expected a list of 3, with \(bytes, int\), such as \(b'ok', 200\), for each request"
AGAIN = "; its 3 requests run again, each by itself, in process"
WRONG_LISTS = [
    Wrong(b"iterator", rf"Directed\.batch_process returned list_iterator {EXPECTED}{AGAIN}"),
    Wrong(b"map", rf"Directed\.batch_process returned dict {EXPECTED}{AGAIN}"),
    Wrong(b"coroutine", rf"Directed\.batch_process returned coroutine {EXPECTED}{AGAIN}"),
    Wrong(b"one pair", rf"Directed\.batch_process returned tuple of 2 {EXPECTED}{AGAIN}"),
    Wrong(b"evil", rf"batch_process raised LookupError: no way{AGAIN}"),
    Wrong(b"interrupt", rf"batch_process raised KeyboardInterrupt{AGAIN}"),
]


def test_call_that_fails_costs_no_answer(apps: Apps) -> None:
    """Each request runs again by itself, wherever the one stands that the call does not like; the log says why."""
    host = apps.start(RUN, DIRECTED, batches_of(3), "hosted")
    for place, (body, said) in enumerate(WRONG_LISTS):
        bodies = [b"a", b"b"]
        bodies.insert(place % 3, body)
        assert bodies_of(ask_together(host, *bodies)) == [b"alone " + one for one in bodies]
        host.wait_for_log(said)
    host.wait_for_log(r'app\.py", line \d+, in batch_process')
    assert bodies_of(ask_together(host, b"a", b"b", b"c")) == [b"3 a", b"3 b", b"3 c"]


WRONG_ITEMS = [
    Wrong(b"bare", "whose item 2 is bytes"),
    Wrong(b"late", "whose item 0 is coroutine"),
    Wrong(b"status", r"whose item 1 is \(bytes, str\)"),
]


def test_wrong_item_costs_its_own_request(apps: Apps) -> None:
    """It is answered as a wrong result of process is, and said with its place and the class."""
    host = apps.start(RUN, DIRECTED, batches_of(3), "hosted")
    host.allow_log("batch_process returned")
    for body, said in WRONG_ITEMS:
        answered = ask_together(host, body, b"a", b"b")
        wrong = [answer for answer in answered if answer.status != 200]
        assert len(wrong) == (2 if body == b"status" else 1)
        assert {answer.status for answer in wrong} == {400}
        expected = r"; expected \(bytes, int\), such as \(b'ok', 200\)"
        host.wait_for_log(rf"Directed\.batch_process returned a list of 3 {said}{expected}")
        assert "Directed.batch_process returned a list of 3 whose item" in wrong[0].text
        assert all(answer.body == b"ok" for answer in answered if answer not in wrong)


@each_way
def test_batch_of_one_goes_to_batch_process(apps: Apps, way: str) -> None:
    """What it raises for one request is the answer to that; what is no list of one is not."""
    host = apps.start(RUN, DIRECTED, batches_of(1), way)
    host.allow_log("batch_process raised")
    assert host.call(b"a").body == b"1 a"
    answer = host.call(b"raise for one")
    assert (answer.status, answer.message) == (400, "raise for one")
    host.wait_for_log(r"batch_process raised ValueError: raise for one$")
    assert host.call(b"short").body == b"alone short"
    host.wait_for_log(r"returned list of 0 for a batch of 1; .*; it runs in process")


WITHOUT = {
    "none": ("", r"class Mine has no batch_process: write def batch_process\(self, batch\)"),
    "misspelled": (
        "def batch_proces(self, batch):\n        return []",
        r"class Mine has no batch_process: did you mean batch_proces in line \d+\?",
    ),
    "arguments": (
        "def batch_process(self):\n        return []",
        r"Mine\.batch_process\(self\) is called with a list of bodies: write def batch_process\(self, batch\)",
    ),
    "async": (
        "async def batch_process(self, batch):\n        return []",
        "batch_process is a coroutine function; the host calls it synchronously",
    ),
    "generator": (
        "def batch_process(self, batch):\n        yield b'', 200",
        "batch_process is a generator, since it has a yield; the host takes what it returns",
    ),
}


@each_way
@pytest.mark.parametrize("how", WITHOUT)
def test_processor_without_batches_is_told(apps: Apps, how: str, way: str) -> None:
    """With the place; its requests run one by one, as many at once as without batches."""
    method, said = WITHOUT[how]
    code = f"""
class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return b"alone " + data, 200

    {method}
"""
    host = apps.start("Mine().run()", code, batches_of(3), way)
    host.wait_for_log(rf"batching has no effect: .*app\.py:\d+: {said}")
    answer = host.call(b"x")
    assert answer.body == b"alone x"
    assert answer.get("X-Processor-Batch") is None


@each_way
@pytest.mark.parametrize("method", ["", "def batch_process(self, batch):\n        return []"])
def test_coroutine_function_that_gets_no_batches_is_told(apps: Apps, method: str, way: str) -> None:
    """Whether or not there is a method for them."""
    code = f"""
class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    async def process(self, data):
        return b"alone " + data, 200

    {method}
"""
    host = apps.start("Mine().run()", code, batches_of(3), way)
    host.wait_for_log("batching has no effect: process is a coroutine function$")
    assert host.call(b"x").body == b"alone x"


@each_way
def test_program_that_reads_itself_is_told(apps: Apps, way: str) -> None:
    """It can have several requests by read_upto."""
    body = "queued = allspark.Context().queued_service()\nwhile True:\n    queued.write(queued.read())"
    host = apps.start(body, "", batches_of(3), way)
    host.wait_for_log("batching has no effect: the program reads its requests itself; its read_upto returns several")
    assert host.call(b"x").body == b"x"


def test_no_batches_are_asked_for(apps: Apps) -> None:
    """Then batch_process is not called, and nothing is said of it."""
    host = apps.start(RUN, DIRECTED, {}, "hosted")
    assert host.call(b"x").body == b"alone x"
    assert "batch" not in host.log.text()


@each_way
def test_number_of_threads_changes_while_batches_run(apps: Apps, gate: Gate, way: str) -> None:
    """Three threads have three batches at once, one thread has one; what has begun comes to its end."""
    meet = "class Meets(Contract):\n    pass\n"
    host = apps.start("Meets(worker_threads=1).run()", meet, batches_of(2), way)
    host.call(b'{"rpc.worker_threads": "3"}', "/api/builtin/prop")
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(gate.command(b"%d" % number))) for number in range(6)]
        gate.wait_entered(3)
        host.call(b'{"rpc.worker_threads": "1"}', "/api/builtin/prop")
        gate.release(6)
        assert [client.read().body for client in asked] == [b"%d" % number for number in range(6)]
        before = len(gate.entries())
        asked = [clients.enter_context(host.ask(gate.command(b"%d" % number))) for number in range(4)]
        gate.wait_entered(before + 1)
        host.wait_queue(2)
        gate.release(4)
        assert [client.read().body for client in asked] == [b"%d" % number for number in range(4)]


@each_way
def test_call_that_hangs_is_found(apps: Apps, way: str) -> None:
    """All requests of the batch answer 408, and the log has the line at which it hangs."""
    variables = {**batches_of(2), "EAS_HOST_KEEPALIVE": "1000", "EAS_HOST_MAX_BATCH_TIMEOUT": "900"}
    host = apps.start("Contract(worker_threads=2).run()", "", variables, way)
    host.allow_log("408|killed")
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(body)) for body in (command("die", "hang"), b"beside")]
        assert [client.read().status for client in asked] == [408, 408]
    host.wait_for_log(r"where the busy worker thread is")
    host.wait_for_log(r'contract\.py", line \d+, in batch_process')


def test_several_processes_have_batches(apps: Apps) -> None:
    """`python app.py` with worker_processes: each has one thread, and a rule of its own."""
    host = apps.start("Directed(worker_processes=2).run()", DIRECTED, batches_of(2))
    for _ in range(4):
        assert bodies_of(ask_together(host, b"a", b"b")) == [b"2 a", b"2 b"]


def test_batch_is_answered_though_a_client_has_left(apps: Apps, gate: Gate) -> None:
    """A request that nobody waits for any more runs with the others of its batch."""
    host = apps.start("Contract(worker_threads=1).run()", "", batches_of(2), "hosted")
    with host.connect() as leaves, host.ask(b"stays") as stays:
        host.wait_queue(1)
        leaves.send(request("POST", host.path, gate.command(b"leaves")))
        gate.wait_entered()
        leaves.reset()
        host.wait_for_log("499")
        gate.release()
        assert stays.read().body == b"stays"


def test_batches_that_cannot_be_are_refused(apps: Apps) -> None:
    """`python app.py` ends before it serves, with one line."""
    program = apps.begin(variables={"EAS_HOST_BATCHING": "fixed", "EAS_HOST_MAX_BATCH_SIZE": "65"})
    program.allow_log("max-batch-size")
    program.ends_with(2)
    [said] = program.log.text(stream="stderr").splitlines()
    assert "--max-batch-size 65 is more than --max-queue-size 64" in said
