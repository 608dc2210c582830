"""
Properties, injected handlers and log lines of a program that runs.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from support.app import Apps, apps
from support.gate import Gate
from support.host import Host
from support.program import front_of
from support.wire import Response, request

__all__ = ["apps"]

each_way = pytest.mark.parametrize("way", ["alone", "hosted"])


def put(host: Host, name: str, value: str) -> Response:
    """Changes a property from outside."""
    return host.call(f'{{"{name}": "{value}"}}'.encode(), "/api/builtin/prop")


def reads(host: Host, name: str) -> str:
    return host.call(None, f"/api/builtin/prop?name={name}", "GET").text.rstrip("\n")


MOMENTS = {
    "before the processor": ("", "PUT", ""),
    "in the constructor": ("", "", "PUT"),
    "in initialize": ("PUT", "", ""),
}


@each_way
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("value", ["'100000'", "100000", "b'100000'", "1e5"])
def test_property_that_a_program_puts_acts_at_any_moment(apps: Apps, way: str, moment: str, value: str) -> None:
    """The value may have any type."""
    put_it = f"allspark.default_properties().put('rpc.keepalive', {value})"
    initialize, before, constructor = (text.replace("PUT", put_it) or "pass" for text in MOMENTS[moment])
    code = f"""
class Mine(Contract):
    def __init__(self, **options):
        super().__init__(**options)
        {constructor}

    def initialize(self):
        super().initialize()
        {initialize}
"""
    host = apps.start(f"{before}\nMine().run()", code, way=way)
    assert float(reads(host, "rpc.keepalive")) == 100000


@each_way
def test_option_wins_over_a_property_that_a_program_puts_while_loading(apps: Apps, way: str) -> None:
    before = "allspark.default_properties().put('rpc.keepalive', 100000)"
    host = apps.start(before=before, variables={"EAS_HOST_KEEPALIVE": "70000"}, way=way)
    assert reads(host, "rpc.keepalive") == "70000"


@each_way
def test_worker_threads_property_adds_and_removes_threads(apps: Apps, gates: Callable[[], Gate], way: str) -> None:
    """New threads are there at once; others end after their next requests."""
    hear = "allspark.default_properties().listen('rpc.worker_threads', lambda v: print('now', v, flush=True))"
    host = apps.start("Contract(worker_threads=1).run()", hear, way=way)
    assert put(host, "rpc.worker_threads", "4").status == 200
    with running(host, gates(), 4):
        assert put(host, "rpc.worker_threads", "2").status == 200
        host.wait_for_log("^now b'2'$")
    gate = gates()
    with running(host, gate, 3, inside=2):
        assert host.call(None, "/api/builtin/ping", "GET").status == 200
        assert len([event for event in gate.catch_up() if event.kind == "enter"]) == 2


@contextmanager
def running(host: Host, gate: Gate, count: int, inside: int | None = None) -> Iterator[None]:
    """While it lasts *count* requests are under way, and those *inside*, or all, run."""
    clients = [host.ask(gate.command()) for _ in range(count)]
    gate.wait_entered(inside or count)
    yield
    gate.release(count)
    for client in clients:
        with client:
            assert client.read().status == 200


@each_way
def test_listener_hears_a_property_that_an_operator_puts(apps: Apps, way: str) -> None:
    """Each process hears it; that may take a while."""
    before = """
properties = allspark.default_properties()

@properties.listen('model.version')
def hear(value):
    print('version', value, flush=True)
"""
    body = "Contract(worker_processes=1).run()"
    host = apps.start(body, before, way=way)
    assert put(host, "model.version", "7").status == 200
    host.wait_for_log(r"^version b'7'$")


@each_way
def test_model_ready_0_of_a_program_answers_503(apps: Apps, way: str) -> None:
    """The program says itself when it serves."""
    before = """
class Mine(Contract):
    def process(self, data):
        allspark.default_properties().put('model.ready', 0)
        return data, 200
"""
    host = apps.start("Mine().run()", before, way=way)
    assert host.call(b"x").body == b"x"
    with host.connect() as client:
        while client.call(b"x").status != 503:
            pass
    assert put(host, "model.ready", "1").status == 200
    assert host.call(b"x").body == b"x"


@each_way
def test_model_ready_is_1_from_the_start(apps: Apps, way: str) -> None:
    """A program may put another value, as in EAS."""
    body = "Contract()\nprint('ready', allspark.default_properties().get('model.ready'), flush=True)\nContract().run()"
    apps.start(body, way=way).wait_for_log(r"^ready b'1'$")


def test_properties_put_before_the_service_count_from_the_start(apps: Apps) -> None:
    """
    The port never serves anybody without the token that was put before it was opened, no warning says that everybody
    can reach it, and the queue may be as long as it says.
    """
    put = "allspark.default_properties().put"
    before = f"{put}('rpc.token', 'c2VjcmV0')\n{put}('rpc.max_queue_size', '5000')"
    program = apps.start("Contract().run()", before, {"EAS_HOST_LISTEN": "0.0.0.0:0"})
    program.address = ("127.0.0.1", program.address[1])
    assert program.call(b"x").status == 401
    with program.connect() as client:
        answer = client.send(request(path="/test", body=b"x", headers=[("Authorization", "c2VjcmV0")])).read()
    assert (answer.status, answer.body) == (200, b"x")
    assert "without a token" not in program.log.text()
    assert "may be in the host at once" not in program.log.text()


# Where the threads are.


@each_way
def test_408_logs_where_the_busy_thread_is(apps: Apps, gate: Gate, way: str) -> None:
    """The log shows the user's frames, not the host's."""
    host = apps.start(variables={"EAS_HOST_KEEPALIVE": "200"}, way=way)
    with host.ask(gate.command()) as client:
        gate.wait_entered()
        assert client.read().status == 408
        host.wait_for_log("where the busy worker thread is .*408")
        host.wait_for_log(r"worker-thread-\d, for \d+\.\d s:")
        host.wait_for_log(r'File ".*contract\.py", line \d+, in process')
        host.wait_for_log(r'File ".*contract\.py", line \d+, in gate')
        gate.release()
        gate.wait_left()


def test_408_logs_where_initialize_is(apps: Apps, gate: Gate) -> None:
    """The request waits for initialize() until its time is over."""
    before = f"class Slow(Contract):\n    def initialize(self):\n        gate({str(gate.folder)!r}.encode() + b':load')"
    program = apps.begin("Slow().run()", before, {"EAS_HOST_KEEPALIVE": "200"})
    program.wait_listening()
    gate.wait_entered()
    with program.ask(b"waits") as client:
        assert client.read().status == 408
    program.wait_for_log(r"MainThread, for \d+\.\d s:")
    program.wait_for_log(r'File ".*app\.py", line \d+, in initialize')
    gate.release()
    program.wait_for_log("Service start successfully")
    assert program.call(b"x").body == b"x"
    assert "eas_runtime" not in program.new_log().partition("MainThread")[2].partition("in gate")[0]
    program.stop()


@each_way
def test_408_logs_where_a_reading_thread_is(apps: Apps, gate: Gate, way: str) -> None:
    """The thread reads its requests itself."""
    body = "queued = allspark.Context(4).queued_service()\n"
    body += "threading.Thread(target=serve, name='reader').start()"
    before = "def serve():\n    while True:\n        queued.write(contract.gate(queued.read())[0])"
    host = apps.start(body, before, {"EAS_HOST_KEEPALIVE": "200"}, way)
    with host.ask(f"{gate.folder}:x".encode()) as client:
        gate.wait_entered()
        assert client.read().status == 408
        host.wait_for_log("^  reader, for ")
        host.wait_for_log(r'File ".*app\.py", line \d+, in serve')
        gate.release()
        gate.wait_left()


# Handlers of the program's own.

INJECT = """
class Mine(Contract):
    def initialize(self):
        super().initialize()
        self.queued.inject('/status', lambda data: b'fine ' + data)

        @self.queued.inject('secret', token='c2VjcmV0')
        def secret(data):
            return b'told'

        @self.queued.inject('/fails')
        def fails(data):
            raise ValueError('not today')

"""


@each_way
def test_injected_handlers_answer_beside_the_processor(apps: Apps, way: str) -> None:
    host = apps.start("Mine().run()", INJECT, way=way)
    assert host.call(b"you", "/status").body == b"fine you"
    assert host.call(b"", "/secret").status == 401
    with host.connect() as client:
        answer = client.send(request("POST", "/secret", b"", [("Authorization", "c2VjcmV0")])).read()
    assert answer.body == b"told"
    answer = host.call(b"", "/fails")
    assert (answer.status, answer.body) == (400, b"not today")
    host.expect_log("the handler of /fails raised ValueError: not today")
    assert host.call(b"x", "/other").body == b"x"


@each_way
def test_injected_handler_answers_while_all_threads_are_busy(apps: Apps, gate: Gate, way: str) -> None:
    """Handlers have threads of their own."""
    host = apps.start("Mine(worker_threads=1).run()", INJECT, way=way)
    with host.ask(gate.command(b"long")) as client:
        gate.wait_entered()
        assert host.call(b"you", "/status").body == b"fine you"
        gate.release()
        assert client.read().body == b"long"


def test_builtin_term_ends_a_program_as_ctrl_c_does(apps: Apps) -> None:
    program = apps.begin()
    program.wait_for_log("Service start successfully")
    program.wait_listening()
    assert program.call(b"", "/api/builtin/term").status == 200
    program.wait_for_log("behind run")
    program.ends_with(0)
    assert re.search("ERROR", program.log.text()) is None


def test_sigterm_to_the_front_alone_drains_and_ends_the_program(apps: Apps) -> None:
    """A careless `kill` sends it so."""
    program = apps.begin()
    program.wait_for_log("Service start successfully")
    os.kill(front_of(program), signal.SIGTERM)
    program.wait_for_log("behind run")
    program.ends_with(0)
