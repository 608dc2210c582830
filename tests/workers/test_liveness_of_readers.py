"""
Programs that read their requests themselves: how many requests they hold says nothing about who is free, and a thread
that reads may end. Those that serve are left alone, those that serve nobody any more are replaced.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from support.app import Apps, apps
from support.gate import Gate
from support.wire import request

__all__ = ["apps"]

QUICK = {"EAS_HOST_KEEPALIVE": "500"}

POOL = """
from concurrent.futures import ThreadPoolExecutor
queued = allspark.Context(2).queued_service()
pool = ThreadPoolExecutor(32)

def work(data, number):
    queued.write_with_id(contract.gate(data)[0] if b":" in data else data, number)

while True:
    pool.submit(work, *queued.read_with_id())
"""
"""One thread reads for a pool."""

BATCH = """
queued = allspark.Context(2).queued_service()
began = threading.Event()

def batches():
    held = queued.read_upto(3, 60000)
    began.set()
    queued.write_many([contract.gate(data)[0] for data in held])

threading.Thread(target=batches, daemon=True).start()
began.wait()
while True:
    queued.write(queued.read())
"""
"""One thread holds more requests than there are threads that read."""

ENDS = """
queued = allspark.Context(2).queued_service()

def serve():
    while True:
        data = queued.read()
        if data == b"die":
            raise ValueError("dead")
        queued.write(data)

threading.Thread(target=serve, daemon=True).start()
threading.Event().wait()
"""
"""The only thread that reads may end, and the main thread does not know."""

STUCK = """
queued = allspark.Context(2).queued_service()
while True:
    data = queued.read()
    queued.write(contract.gate(data)[0] if b":" in data else data)
"""


@pytest.mark.parametrize(("program", "held"), [(POOL, 1), (BATCH, 3)], ids=["pool", "batch"])
def test_program_that_holds_requests_and_serves_is_not_replaced(
    apps: Apps, gate: Gate, program: str, held: int
) -> None:
    """Each round below takes as long as a request may: one is sent that never comes to its end."""
    host = apps.start(program, variables=QUICK, way="hosted")
    workers = host.workers()
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(f"{gate.folder}:{number}".encode())) for number in range(held)]
        gate.wait_entered()
        assert [client.read().status for client in asked] == [408] * held
    for _ in range(3):
        assert host.call(b"next").body == b"next"
        with host.connect() as slow:
            assert slow.send(request("POST", host.path, b"late")[:-1]).read().status == 408
    assert host.workers() == workers
    gate.release(held)


def test_program_whose_last_reader_ended_is_replaced(apps: Apps) -> None:
    """Requests answer 408 until another process serves; the log says what has happened."""
    host = apps.start(ENDS, variables=QUICK, way="hosted")
    workers = host.workers()
    host.allow_log("dead|did not answer|Traceback|no thread of the program reads any more")
    assert host.call(b"die").status == 500
    late = 0
    while (answer := host.call(b"next")).status != 200:
        assert answer.status in (408, 503)
        late += 1
        assert late < 10, host.new_log()
    assert late
    host.wait_for_log("no thread of the program reads any more; it is killed")
    assert host.workers() != workers


def test_program_whose_only_reader_is_stuck_is_replaced(apps: Apps, gate: Gate) -> None:
    """A call never ends: as soon as others wait for long."""
    host = apps.start(STUCK, variables=QUICK, way="hosted")
    host.allow_log("does not take the requests that wait; it is killed")
    assert host.call(f"{gate.folder}:stuck".encode()).status == 408
    late = 0
    while (answer := host.call(b"next")).status != 200:
        assert answer.status in (408, 503)
        late += 1
        assert late < 10, host.new_log()


def test_program_that_has_not_read_yet_is_not_replaced(apps: Apps, gate: Gate) -> None:
    """The program has opened the service and may be loading a model."""
    body = f"queued = allspark.Context(2).queued_service()\ngate(b'{gate.folder}:load')\n"
    body += "while True:\n    queued.write(queued.read())"
    host = apps.start(body, variables=QUICK, way="hosted")
    gate.wait_entered()
    workers = host.workers()
    for _ in range(5):
        assert host.call(b"early").status == 408
    gate.release()
    assert host.call(b"next").body == b"next"
    assert host.workers() == workers
