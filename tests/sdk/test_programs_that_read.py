"""
Programs that read their requests themselves, started both ways.
"""

from __future__ import annotations

import os
import re
import signal

import pytest

from support.app import Apps, apps
from support.command import run
from support.gate import Gate
from support.host import Host
from support.program import front_of

__all__ = ["apps"]

each_way = pytest.mark.parametrize("way", ["alone", "hosted"])

OPEN = "queued = allspark.Context(4).queued_service()\n"
LOOP = """
def serve(handle):
    while True:
        handle(queued.read())

def start(handle, count=1):
    threads = [threading.Thread(target=serve, args=(handle,), name=f"reader-{n}") for n in range(count)]
    for thread in threads:
        thread.start()
    return threads
"""


def test_many_threads(apps: Apps, gate: Gate) -> None:
    """Each thread answers what it has read, in whatever order they answer."""
    for way in ("alone", "hosted"):
        body = OPEN + "\nfor thread in start(lambda data: queued.write(contract.gate(data)[0]), 3):\n    thread.join()"
        host = apps.start(body, LOOP, way=way)
        clients = [host.ask(f"{gate.folder}:{number}".encode()) for number in range(3)]
        gate.wait_entered(3 if way == "alone" else 6)
        gate.release(3)
        for number, client in enumerate(clients):
            with client:
                assert client.read().body == str(number).encode()


@each_way
def test_main_thread_reads(apps: Apps, way: str) -> None:
    """Ctrl+C ends a program whose main thread waits in read()."""
    host = apps.begin(OPEN + "while True:\n    queued.write(queued.read()[::-1])", way=way)
    host.wait_for_log("Service start successfully")
    host.wait_listening()
    assert host.call(b"abc").body == b"cba"
    host.stop(signal.SIGINT)
    assert host.complaints() == []


@each_way
@pytest.mark.parametrize(
    "waits", ["time.sleep(1000)", "threading.Event().wait()", "[thread.join() for thread in threads]"]
)
def test_main_thread_waits(apps: Apps, gate: Gate, way: str, waits: str) -> None:
    """Whatever the main thread does: what runs is answered, then it ends with exit code 0."""
    body = OPEN + f"threads = start(lambda data: queued.write(contract.gate(data)[0]), 2)\n{waits}"
    host = apps.begin(body, LOOP, way=way)
    host.wait_listening()
    with host.ask(f"{gate.folder}:last".encode()) as client:
        gate.wait_entered()
        host.send_signal(signal.SIGTERM)
        host.wait_for_log("shutting down context")
        gate.release()
        assert client.read().body == b"last"
    host.ends_with(0)


@each_way
def test_a_pool_that_stays_busy(apps: Apps, way: str) -> None:
    """At the end of a program Python waits for the threads of its pools: that wait is ended, and nothing is printed."""
    before = """
from concurrent.futures import ThreadPoolExecutor

def serve():
    try:
        while True:
            queued.write(queued.read()[::-1])
    finally:
        threading.Event().wait()
"""
    host = apps.start(OPEN + "pool = ThreadPoolExecutor(1)\npool.submit(serve)", before, way=way)
    assert host.call(b"abc").body == b"cba"
    host.stop()
    assert host.complaints() == []


@each_way
def test_errors(apps: Apps, way: str) -> None:
    """error() answers with its code, by the rule of all codes."""
    host = apps.start(OPEN + "start(lambda data: queued.error(int(data), b'no: ' + data))", LOOP, way=way)
    for code, status in ((500, 500), (404, 404), (200, 200), (999, 400), (-1, 400)):
        answer = host.call(str(code).encode())
        assert (answer.status, answer.body) == (status, f"no: {code}".encode())


@each_way
def test_a_thread_reads_on(apps: Apps, way: str) -> None:
    """What it has not answered is answered 500, and the log says which thread it was."""
    body = OPEN + "start(lambda data: queued.write(data) if data != b'forget' else None)"
    host = apps.start(body, LOOP, way=way)
    with host.ask(b"forget") as forgotten:
        assert host.call(b"next").body == b"next"
        answer = forgotten.read()
    assert (answer.status, "reader-0" in answer.text) == (500, True), answer
    host.expect_log("the thread reader-0 did not answer")


@each_way
def test_a_thread_ends(apps: Apps, way: str) -> None:
    """One that dies between read and write answers 500; the others serve on."""
    before = (
        LOOP + "\ndef handle(data):\n    if data == b'die':\n        raise ValueError('dead')\n    queued.write(data)"
    )
    host = apps.start(OPEN + "start(handle, 2)", before, way=way)
    host.allow_log("dead|did not answer|Traceback|reader")
    answer = host.call(b"die")
    assert (answer.status, "it ended" in answer.text) == (500, True), answer
    host.expect_log(r"the thread reader-\d did not answer this request: it ended")
    assert [host.call(b"x").body for _ in range(5)] == [b"x"] * 5


@each_way
def test_write_without_read(apps: Apps, way: str) -> None:
    body = (
        OPEN
        + """
try:
    queued.write(b'x')
except RuntimeError as error:
    print('said:', error, flush=True)
start(queued.write)
"""
    )
    host = apps.start(body, LOOP, way=way)
    host.wait_for_log("said: .*read before it")


@each_way
def test_only_bytes(apps: Apps, way: str) -> None:
    """As EAS words it; the request is not lost."""
    before = (
        LOOP
        + """
def handle(data):
    for call in (lambda: queued.write('text'), lambda: queued.error(500, 1), lambda: queued.write_many(['text'])):
        try:
            call()
        except Exception as error:
            print('said:', error, flush=True)
    queued.write(data)
"""
    )
    host = apps.start(OPEN + "start(handle)", before, way=way)
    assert host.call(b"x").body == b"x"
    host.wait_for_log(r"said: bytes is expected, <class 'str'> is found\.", times=2)
    host.wait_for_log(r"said: bytes is expected, <class 'int'> is found\.")


BATCHES = """
def batches(queued):
    while True:
        batch = queued.read_upto(3, 100_000)
        print('batch of', len(batch), flush=True)
        answer(batch)
"""


@each_way
def test_batches(apps: Apps, way: str) -> None:
    """Each answer goes to its own request, also an error among them."""
    before = BATCHES + "answer = lambda batch: queued.write_many([(500, d) if d == b'1' else d for d in batch])"
    host = apps.start(OPEN + "threading.Thread(target=batches, args=(queued,)).start()", before, way=way)
    clients = [host.ask(str(number).encode()) for number in range(3)]
    answers = []
    for client in clients:
        with client:
            answers.append(client.read())
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"0"), (500, b"1"), (200, b"2")]
    host.wait_for_log("^batch of 3$")


@each_way
def test_an_empty_batch(apps: Apps, way: str) -> None:
    """Where nothing comes in time the batch is empty, and answering all of it is no mistake."""
    before = """
    def batches(queued):
        print('first', queued.read_upto(3, 0), queued.read_upto(3, 20), flush=True)
        queued.write_many([])
        while True:
            queued.write_many([data + b'!' for data in queued.read_upto(3, -1)])
    """
    host = apps.start(OPEN + "threading.Thread(target=batches, args=(queued,)).start()", before, way=way)
    host.wait_for_log(r"^first \[\] \[\]$")
    assert host.call(b"x").body == b"x!"
    assert host.call(b"y").body == b"y!"


@each_way
def test_a_short_batch(apps: Apps, way: str) -> None:
    """After its time a batch is returned as it is; too few answers raise, and the rest is answered 500."""
    before = """
def answer(batch):
    try:
        queued.write_many([data for data in batch if data != b'forget'])
    except ValueError as error:
        print('said:', error, flush=True)
"""
    before += BATCHES.replace("100_000", "1")
    host = apps.start(OPEN + "threading.Thread(target=batches, args=(queued,)).start()", before, way=way)
    with host.ask(b"forget") as forgotten:
        host.wait_for_log("said: 0 answers for the 1 requests")
        assert host.call(b"next").body == b"next"
        assert forgotten.read().status == 500
    host.expect_log("did not answer")


@each_way
def test_numbers(apps: Apps, way: str) -> None:
    """A request with a number may be answered by any thread, once."""
    before = """
def read(queued):
    while True:
        data, number = queued.read_with_id()
        threading.Thread(target=reply, args=(queued, data, number)).start()

def reply(queued, data, number):
    if data == b'bad':
        queued.error_with_id(404, b'not here', number)
    else:
        queued.write_with_id(data, number)
    try:
        queued.write_with_id(b'again', number)
    except ValueError as error:
        print('said:', error, flush=True)
"""
    host = apps.start(OPEN + "threading.Thread(target=read, args=(queued,)).start()", before, way=way)
    clients = [host.ask(f"body {number}".encode()) for number in range(20)]
    for number, client in enumerate(clients):
        with client:
            assert client.read().body == f"body {number}".encode()
    answer = host.call(b"bad")
    assert (answer.status, answer.body) == (404, b"not here")
    host.wait_for_log("said: there is no request", times=21)


@each_way
def test_threads_that_come_and_go(apps: Apps, way: str) -> None:
    """A thread for each request: their numbers are given back."""
    before = """
def one(queued):
    data = queued.read()
    threading.Thread(target=one, args=(queued,)).start()
    queued.write(data)
"""
    host = apps.start(OPEN + "threading.Thread(target=one, args=(queued,)).start()", before, way=way)
    with host.connect() as client:
        for number in range(300):
            assert client.call(str(number).encode()).body == str(number).encode()


def test_stopped_by_the_program(apps: Apps) -> None:
    """Context.stop(): what was read is answered, the threads that read end, the program goes on."""
    body = """
context = allspark.Context(4)
queued = context.queued_service()
data = queued.read()
context.stop()
queued.write(data)
try:
    queued.read()
except SystemExit:
    print('goes on', flush=True)
"""
    program = apps.begin(body)
    program.wait_listening()
    assert program.call(b"last").body == b"last"
    program.wait_for_log("^goes on$")
    program.ends_with(0)


def test_the_front_dies(apps: Apps) -> None:
    """It is said once, and reading ends the program."""
    program = apps.begin(OPEN + "for thread in start(queued.write, 3):\n    thread.join()", LOOP)
    program.allow_log("the HTTP front")
    program.wait_for_log("Service start successfully")
    os.kill(front_of(program), signal.SIGKILL)
    program.ends_with(1)
    assert len(re.findall("the HTTP front", program.log.text())) == 1


def test_not_in_the_hosts_own_process(apps: Apps) -> None:
    """--isolation none needs the thread that such a program keeps; one line says what to do."""
    app = apps.write(OPEN + "print(queued.read())")
    ended = run("--entry", app, "--listen", "127.0.0.1:0", "--isolation", "none")
    ended.fails_in_one_line(3, "app.py", "queued_service", "python FILE")


def test_a_worker_dies(apps: Apps) -> None:
    """Under eas-host it is replaced, as any other."""
    host: Host = apps.start(
        OPEN + "start(lambda data: os.abort() if data == b'die' else queued.write(data))", LOOP, way="hosted"
    )
    host.allow_log("SIGABRT|Fatal Python|File ")
    assert host.call(b"die").status == 500
    assert host.call(b"x").body == b"x"
