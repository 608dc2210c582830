"""
`async def process`: requests are tasks of one event loop, which has as many under way as may be, ends those that nobody
waits for, and tells the author what blocks it. What is the same in all languages is in kinds/test_async_table.py.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from support import LONG
from support.app import Apps, apps
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.wire import Client, request

__all__ = ["apps"]

QUICK = 1000  # milliseconds


@pytest.fixture
def begin(start: StartHost, builder: ProcessorBuilder) -> StartHost:
    """Starts a host with the processor whose `process` is a coroutine function."""

    def make(**options: Value) -> Host:
        return start("python", builder.python("async_contract.py"), **options)

    return make


def ask_all(host: Host, running: ExitStack, bodies: list[bytes]) -> list[Client]:
    return [running.enter_context(host.ask(body)) for body in bodies]


@pytest.mark.parametrize("options", [{}, {"isolation": "none"}, {"data_plane": "uvloop"}])
def test_many_requests_wait_at_once(begin: StartHost, options: dict[str, Value]) -> None:
    """As many as --max-in-flight says, with one thread."""
    host = begin(keepalive=LONG, max_in_flight=50, worker_threads=1, **options)
    with ExitStack() as running:
        clients = ask_all(host, running, [b"meet:50"] * 50)
        assert {client.read().text for client in clients} == {"50"}
    assert host.call(b"echo:after").text == "after"


def test_as_many_requests_wait_in_each_process(begin: StartHost) -> None:
    host = begin(keepalive=LONG, max_in_flight=20, worker_threads=1, worker_processes=2)
    with ExitStack() as running:
        clients = ask_all(host, running, [b"hold:%d" % number for number in range(40)])
        host.wait_for_log("holds", times=40)
        for client in clients:
            client.reset()
    assert host.call(b"echo:after").text == "after"


def test_no_more_than_max_in_flight_are_under_way(begin: StartHost) -> None:
    """The others wait in the queue, and are refused when that is full."""
    host = begin(keepalive=LONG, max_in_flight=3, max_queue_size=2)
    with ExitStack() as running:
        held = ask_all(host, running, [b"hold:%d" % number for number in range(3)])
        host.wait_for_log("holds", times=3)
        ask_all(host, running, [b"echo:a", b"echo:b"])
        host.wait_queue(2)
        assert host.call(b"echo:c").status == 450
        for number, client in enumerate(held):
            client.reset()
            host.wait_for_log(f"cancelled {number}")


def test_task_is_cancelled_at_its_deadline(begin: StartHost) -> None:
    host = begin(keepalive=QUICK)
    assert host.call(b"hold:late").status == 408
    host.wait_for_log("cancelled late")
    host.wait_for_log(r'File ".*async_contract\.py", line \d+, in hold')
    assert host.call(b"echo:after").text == "after"


@pytest.mark.parametrize("plane", ["native", "uvloop"])
def test_task_is_cancelled_when_its_client_leaves(begin: StartHost, plane: str) -> None:
    """Also of a client whose requests the data plane submits by itself."""
    host = begin(keepalive=LONG, data_plane=plane)
    with host.connect() as client:
        for _ in range(3):
            assert client.call(b"echo:known", host.path).text == "known"
        client.send(request(path=host.path, body=b"hold:direct"))
        host.wait_for_log("holds direct")
        client.reset()
    host.wait_for_log("cancelled direct")


def test_task_that_goes_on_holds_its_place_and_is_told_once(begin: StartHost) -> None:
    """What it does with CancelledError is its own."""
    host = begin(keepalive=QUICK, max_in_flight=4)
    with ExitStack() as running:
        clients = ask_all(host, running, [b"swallow:one", b"swallow:two"])
        assert {client.read().status for client in clients} == {408}
        host.wait_for_log("swallowed", times=2)
        host.wait_for_log("goes on 1 s after it was cancelled.*one of 4 places")
        assert host.call(b"let_go:").text == "let go"
        assert host.call(b"meet:1").status == 200
    assert host.new_log().count("goes on 1 s after") == 1


def test_call_that_blocks_the_loop_is_shown(begin: StartHost) -> None:
    host = begin(keepalive=LONG)
    assert host.call(b"block:1.5").text == "blocked"
    host.wait_for_log("the event loop is blocked for 1 s.*block at .*async_contract.py")
    host.wait_for_log(r"time\.sleep\(float\(argument\)\)")


def test_worker_whose_loop_hangs_is_replaced(begin: StartHost) -> None:
    """Few requests are enough for that, and the next ones are answered."""
    host = begin(keepalive=QUICK)
    host.allow_log("it is killed")
    (before,) = host.workers()
    assert host.call(b"block:1000").status == 408
    while host.workers() == [before]:
        assert host.call(b"echo:in vain").status in (200, 408, 503)
    host.wait_for_log("does not take the requests that wait; it is killed")
    while host.call(b"echo:after").status != 200:
        pass


@pytest.mark.parametrize(
    ("body", "status", "message", "said"),
    [
        (b"leave:now", 400, "SystemExit: now; a processor must not end its process, as sys.exit does", "SystemExit"),
        (b"cancel_itself:", 400, "its own", "CancelledError"),
    ],
)
def test_errors_are_those_of_other_processors(
    begin: StartHost, body: bytes, status: int, message: str, said: str
) -> None:
    host = begin()
    host.allow_log(said)
    response = host.call(body)
    assert (response.status, response.message) == (status, message)
    host.wait_for_log(said)
    assert host.call(b"echo:after").text == "after"


@pytest.mark.parametrize(("body", "said"), [(b"leave_in_task:", "has left the event loop"), (b"stop_loop:", "stopped")])
def test_loop_outlives_what_would_end_it(begin: StartHost, body: bytes, said: str) -> None:
    """asyncio leaves its loop when a task calls sys.exit()."""
    host = begin()
    host.allow_log("a task of|Task exception was never retrieved")  # the latter is asyncio's
    assert host.call(body).status == 200
    host.wait_for_log(said)
    assert host.call(b"echo:after").text == "after"


PROGRAM = """
import asyncio
class Mine(Contract):
    async def initialize(self):
        self.loop = asyncio.get_event_loop()
    async def process(self, data):
        await asyncio.sleep(0)
        return data + (b"" if asyncio.get_event_loop() is self.loop else b" elsewhere"), 200
class Mixed(Contract):
    async def initialize(self):
        self.loads = await asyncio.sleep(0, b"mixed ")
    def process(self, data):
        return self.loads + data, 200
class Fails(Contract):
    async def initialize(self):
        await asyncio.sleep(0)
        raise ValueError("no model")
"""


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("way", ["alone", "process", "none"])
def test_programs_serve(apps: Apps, way: str, processes: int) -> None:
    """Under eas-host, and as `python app.py`; also where only `initialize` is a coroutine function."""
    host = apps.start(f"Mine(worker_processes={processes}).run()", PROGRAM, way=way)
    assert [host.call(b"body").text for _ in range(10)] == ["body"] * 10
    mixed = apps.start(f"Mixed(worker_processes={processes}).run()", PROGRAM, way=way)
    assert mixed.call(b"body").text == "mixed body"


def test_initialize_that_fails_is_explained(apps: Apps) -> None:
    """With the user's place."""
    host = apps.begin("Fails().run()", PROGRAM, way="process")
    host.allow_log("no model")
    host.log.wait(r"app\.py:\d+: Fails\.initialize\(\) raised ValueError: no model")
    host.ends_with(None)
