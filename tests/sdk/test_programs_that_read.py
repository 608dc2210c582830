"""
Programs that read their requests themselves, started with `python app.py` and with `eas-host --entry app.py`.
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


def test_each_thread_answers_the_request_that_it_read(apps: Apps, gate: Gate) -> None:
    """The threads answer in any order."""
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
def test_ctrl_c_ends_a_program_whose_main_thread_reads(apps: Apps, way: str) -> None:
    """The thread waits in read()."""
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
def test_sigterm_drains_whatever_the_main_thread_does(apps: Apps, gate: Gate, way: str, waits: str) -> None:
    """Running requests are answered, then the program ends with exit code 0."""
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
def test_program_with_a_busy_thread_pool_ends_quietly(apps: Apps, way: str) -> None:
    """
    At the end of a program Python waits for the threads of its pools: the host ends that wait, and nothing is printed.
    """
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
def test_error_answers_with_its_code(apps: Apps, way: str) -> None:
    """The rule for all codes holds for error(), too."""
    host = apps.start(OPEN + "start(lambda data: queued.error(int(data), b'no: ' + data))", LOOP, way=way)
    for code, status in ((500, 500), (404, 404), (200, 200), (999, 400), (-1, 400)):
        answer = host.call(str(code).encode())
        assert (answer.status, answer.body) == (status, f"no: {code}".encode())


@each_way
def test_request_that_a_thread_did_not_answer_before_reading_on_answers_500(apps: Apps, way: str) -> None:
    """The log says which thread it was."""
    body = OPEN + "start(lambda data: queued.write(data) if data != b'forget' else None)"
    host = apps.start(body, LOOP, way=way)
    with host.ask(b"forget") as forgotten:
        assert host.call(b"next").body == b"next"
        answer = forgotten.read()
    assert (answer.status, "reader-0" in answer.text) == (500, True), answer
    host.expect_log("the thread reader-0 did not answer")


@each_way
def test_request_of_a_thread_that_ended_answers_500(apps: Apps, way: str) -> None:
    """The thread dies between read and write; the others serve on."""
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
def test_write_without_read_raises(apps: Apps, way: str) -> None:
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
def test_write_of_anything_but_bytes_raises_and_keeps_the_request(apps: Apps, way: str) -> None:
    """The words are those of EAS."""
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
def test_each_answer_of_a_batch_goes_to_its_own_request(apps: Apps, way: str) -> None:
    """One of the answers is an error."""
    before = BATCHES + "answer = lambda batch: queued.write_many([(500, d) if d == b'1' else d for d in batch])"
    host = apps.start(OPEN + "threading.Thread(target=batches, args=(queued,)).start()", before, way=way)
    clients = [host.ask(str(number).encode()) for number in range(3)]
    answers = []
    for client in clients:
        with client:
            answers.append(client.read())
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"0"), (500, b"1"), (200, b"2")]
    host.wait_for_log("^batch of 3$")


def test_batch_of_many_is_taken_and_answered_together(apps: Apps) -> None:
    """More than a thread has room for at first, and some of them before the rest has come."""
    before = BATCHES.replace("read_upto(3,", "read_upto(50,") + "answer = lambda batch: queued.write_many(batch)"
    host = apps.start(OPEN + "threading.Thread(target=batches, args=(queued,)).start()", before, way="alone")
    for _ in range(2):
        clients = [host.ask(b"%d" % number) for number in range(50)]
        for number, client in enumerate(clients):
            with client:
                assert client.read().body == b"%d" % number
    host.wait_for_log("^batch of 50$", times=2)


@each_way
def test_batch_is_empty_where_no_request_comes_in_time(apps: Apps, way: str) -> None:
    """A call that answers all of the empty batch is no mistake."""
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
def test_too_few_answers_for_a_batch_raise_and_the_rest_answers_500(apps: Apps, way: str) -> None:
    """A batch is returned after its time even if it is not full."""
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
def test_numbered_request_is_answered_by_any_thread_once(apps: Apps, way: str) -> None:
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
    # Not from a main thread that ends: Python 3.12 starts no thread after that.
    host = apps.start(OPEN + "read(queued)", before, way=way)
    clients = [host.ask(f"body {number}".encode()) for number in range(20)]
    for number, client in enumerate(clients):
        with client:
            assert client.read().body == f"body {number}".encode()
    answer = host.call(b"bad")
    assert (answer.status, answer.body) == (404, b"not here")
    host.wait_for_log("said: there is no request", times=21)


@each_way
def test_one_thread_for_each_request_uses_up_no_numbers(apps: Apps, way: str) -> None:
    """The numbers of threads are given back."""
    before = """
def one(queued):
    data = queued.read()
    threading.Thread(target=one, args=(queued,)).start()
    queued.write(data)
"""
    wait = "\nthreading.Event().wait()"  # Python 3.12 starts no thread when the main thread has ended
    host = apps.start(OPEN + "threading.Thread(target=one, args=(queued,)).start()" + wait, before, way=way)
    with host.connect() as client:
        for number in range(300):
            assert client.call(str(number).encode()).body == str(number).encode()


def test_context_stop_answers_what_was_read_and_the_program_goes_on(apps: Apps) -> None:
    """The threads that read end."""
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


def test_death_of_the_front_ends_reading_and_the_program(apps: Apps) -> None:
    """One line says it, once."""
    program = apps.begin(OPEN + "for thread in start(queued.write, 3):\n    thread.join()", LOOP)
    program.allow_log("the HTTP front")
    program.wait_for_log("Service start successfully")
    os.kill(front_of(program), signal.SIGKILL)
    program.ends_with(1)
    assert len(re.findall("the HTTP front", program.log.text())) == 1


def test_program_that_reads_is_refused_with_isolation_none(apps: Apps) -> None:
    """Isolation none needs the thread that such a program keeps; one line says what to do."""
    app = apps.write(OPEN + "print(queued.read())")
    ended = run("--entry", app, "--listen", "127.0.0.1:0", "--isolation", "none")
    ended.fails_in_one_line(3, "app.py", "queued_service", "python FILE")


def test_worker_of_a_program_that_reads_is_replaced(apps: Apps) -> None:
    """The program runs under eas-host."""
    host: Host = apps.start(
        OPEN + "start(lambda data: os.abort() if data == b'die' else queued.write(data))", LOOP, way="hosted"
    )
    host.allow_log("SIGABRT|Fatal Python|File ")
    assert host.call(b"die").status == 500
    assert host.call(b"x").body == b"x"
