"""
Programs that do unusual things: they fork while requests run, ignore SIGCHLD, close their streams, override `run`, or
lie beside files with the names of Python's own modules.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

import allspark
from allspark.properties import PropertyStore
from support import TIMEOUT
from support.app import Apps, apps
from support.gate import Gate
from support.host import Host, StartHost, clean_environment, program
from support.network import free_port
from support.processor_python import program_python
from support.program import Program, front_of
from support.wire import command

__all__ = ["apps"]

each_way = pytest.mark.parametrize("way", ["alone", "hosted"])

OPEN = "queued = allspark.Context(4).queued_service()\n"


# Forks.


@each_way
def test_fork_while_threads_read_does_not_stop_them(apps: Apps, gate: Gate, way: str) -> None:
    """A child has not got the threads of its parent, which read and answer on."""
    body = OPEN + "for _ in range(2):\n    threading.Thread(target=serve, args=(queued,), daemon=True).start()\nwait()"
    before = """
def fork():
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return b"forked"

def serve(queued):
    while True:
        data = queued.read()
        queued.write(fork() if data == b"fork" else contract.gate(data)[0])

def wait():
    threading.Event().wait()
"""
    host = apps.start(body, before, {"EAS_HOST_WORKER_PROCESSES": "1"}, way)
    with host.ask(f"{gate.folder}:held".encode()) as client:
        gate.wait_entered()
        assert host.call(b"fork").body == b"forked"
        gate.release()
        assert client.read().body == b"held"


def test_forked_child_cannot_read_requests(apps: Apps) -> None:
    """The exception says so."""
    body = OPEN + "child = multiprocessing.Process(target=queued.read)\nchild.start()\nchild.join()"
    before = "import multiprocessing\nmultiprocessing.set_start_method('fork')"
    program = apps.begin(body, before)
    program.allow_log(".")
    program.ends_with(0)
    assert "RuntimeError: requests are read by the process that has opened the service" in program.log.text()


# run() and what belongs to it.


@each_way
def test_program_that_overrides_run_serves_from_its_first_read(apps: Apps, way: str) -> None:
    """The program reads `queued` itself."""
    before = """
class Mine(Contract):
    def run(self):
        self.initialize()
        while True:
            self.queued.write(self.queued.read()[::-1])
"""
    host = apps.start("Mine().run()", before, way=way)
    assert host.call(b"abc").body == b"cba"
    host.stop(signal.SIGINT)
    assert len(re.findall("Service start successfully", host.log.text())) == 1


def test_context_of_a_processor_stops_its_service(apps: Apps) -> None:
    before = (
        "class Mine(Contract):\n    def process(self, data):\n        self.context.stop()\n        return data, 200"
    )
    program = apps.begin("Mine().run()\nprint('behind run', flush=True)", before)
    program.wait_listening()
    assert program.call(b"last").body == b"last"
    program.wait_for_log("^behind run$")
    program.ends_with(0)


def test_second_service_is_the_first_and_its_options_are_logged(apps: Apps) -> None:
    """There is one; what the second one wants differently has no effect."""
    body = "Contract(endpoint='127.0.0.1:1')\nContract(endpoint='127.0.0.1:2', worker_processes=2).run()"
    program = apps.start(body)
    program.expect_log(r"endpoint '127\.0\.0\.1:2' has no effect: a program has one service, http://")
    program.expect_log("worker_processes=2 has no effect")
    assert program.call(b"x").body == b"x"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_exit_from_a_signal_handler_leaves_no_worker_processes(apps: Apps, method: str) -> None:
    """A program that ends itself out of run() would wait for them."""
    body = f"""
import multiprocessing
multiprocessing.set_start_method({method!r})
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
Contract(worker_processes=2).run()
"""
    program = apps.begin(body)
    program.wait_for_log("Service start successfully")
    program.send_signal(signal.SIGINT)
    program.ends_with(7)
    assert program.log.text(stream="stderr") == ""


@pytest.mark.parametrize("when", ["before", "after"])
def test_exit_from_a_signal_handler_while_a_process_starts(apps: Apps, when: str) -> None:
    """Neither process is forgotten: the front would wait for its end, and then be killed."""
    body = f"""
import multiprocessing
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
class Process(multiprocessing.Process):
    def start(self):
        second = self.name.endswith("1")
        if second and {when!r} == "before":
            os.kill(os.getpid(), signal.SIGINT)
        super().start()
        if second:
            os.kill(os.getpid(), signal.SIGINT)
multiprocessing.Process = Process
Contract(worker_processes=2).run()
"""
    program = apps.begin(body)
    program.ends_with(7)
    assert program.log.text(stream="stderr") == ""


@pytest.mark.parametrize("how", ["its worker", "its front"])
def test_end_of_children_is_seen_with_sigchld_ignored(apps: Apps, how: str) -> None:
    """The system tells such a program nothing of how its children end."""
    processes = 2 if how == "its worker" else 1
    body = f"signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nContract(worker_processes={processes}).run()"
    program = apps.begin(body)
    program.allow_log("is replaced|the HTTP front")
    program.wait_for_log("Service start successfully")
    program.wait_listening()
    if how == "its worker":
        assert program.call(command("die", "_exit:3")).status == 500
        assert program.call(b"x").body == b"x"
        program.stop(signal.SIGINT)
    else:
        os.kill(front_of(program), signal.SIGKILL)
        program.ends_with(1)
        assert "no request can arrive any more" in program.log.text()


# Streams.


@each_way
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-"])
def test_closed_standard_streams_are_not_reused_for_sockets(apps: Apps, way: str, closed: str) -> None:
    """The numbers of closed streams are free."""
    app = apps.write()
    port = free_port()
    environment = clean_environment() | {"EAS_HOST_LISTEN": f"127.0.0.1:{port}"}
    words = [str(program_python()), app.name] if way == "alone" else [*program(), "--entry", app.name]
    shell = ["/bin/sh", "-c", f'exec "$0" "$@" {closed}', *words]
    with (
        closing(allspark.Channel(f"127.0.0.1:{port}")) as channel,
        subprocess.Popen(
            shell, cwd=app.parent, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process,
    ):
        try:
            answer = b""
            while not answer and process.poll() is None:
                with suppress(ConnectionRefusedError):
                    answer = channel.request(b"x")
            assert answer == b"x"
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT) == 0
        finally:
            process.kill()


def test_replaced_stream_needs_only_write(apps: Apps) -> None:
    before = """
class Tee:
    def __init__(self, stream):
        self.stream = stream
    def write(self, text):
        self.stream.write(text)
        self.stream.flush()
"""
    program = apps.start(
        "sys.stdout = Tee(sys.stdout)\ntry:\n    Contract().run()\nfinally:\n    sys.stdout = None", before
    )
    assert program.call(b"x").body == b"x"


# What lies beside it.


@each_way
def test_modules_may_have_names_of_unused_standard_modules(apps: Apps, way: str) -> None:
    """Neither the program nor Python itself needs those."""
    names = ["calendar", "code", "email", "errors", "glob", "http", "log", "platform", "ssl", "statistics", "uuid"]
    app = apps.write(before="\n".join(f"import {name}\nassert {name}.MINE" for name in names))
    for name in names:
        app.with_name(f"{name}.py").write_text("MINE = True\n", encoding="utf-8")
    folder = app.parent.with_name("run")
    with Program(folder, app) if way == "alone" else Host(folder, entry=app) as host:
        assert host.call(b"x").body == b"x"


def test_front_of_a_program_that_is_already_dead_prints_nothing(apps: Apps) -> None:
    app = apps.write("threading.Timer(0.02, os._exit, [7]).start()\nContract()")
    for number in range(5):
        program = Program(apps.folder / f"run-{number}", app)
        program.ends_with(7)
        assert program.log.text(stream="stderr") == ""


# Pickling.


class ProcessorWithSlots(allspark.BaseProcessor):
    __slots__ = ("model", "unset")
    model: str


def test_slots_of_a_processor_are_pickled() -> None:
    """A process that is started afresh gets them, too."""
    processor = ProcessorWithSlots.__new__(ProcessorWithSlots)
    processor.model, processor.endpoint = "m", "e"
    copy = pickle.loads(pickle.dumps(processor))  # noqa: S301  our own
    assert (copy.model, copy.endpoint, hasattr(copy, "unset")) == ("m", "e", False)


def test_spawned_processes_have_the_programs_properties(apps: Apps) -> None:
    before = """
class Mine(Contract):
    def initialize(self):
        super().initialize()
        self.word = allspark.default_properties().get("my.word")

    def process(self, data):
        return self.word, 200
"""
    body = "import multiprocessing\nmultiprocessing.set_start_method('spawn')\n"
    body += "allspark.default_properties().put('my.word', 'here')\nMine(worker_processes=2).run()"
    assert apps.start(body, before).call(b"").body == b"here"


# Properties.


@pytest.mark.parametrize("value", ["'1000.0'", "1e3", "'many'", "float('inf')"])
def test_queue_size_that_is_not_a_whole_number_does_not_end_the_constructor(apps: Apps, value: str) -> None:
    body = f"allspark.default_properties().put('rpc.max_queue_size', {value})\nmine = Contract()\n"
    program = apps.start(body + "print('size', mine.max_queue_size, flush=True)\nmine.run()")
    program.allow_log("property rpc.max_queue_size")
    program.wait_for_log(f"^size {1000 if '1' in value else 64}$")


def test_repeated_property_of_the_host_does_not_undo_a_later_put() -> None:
    store = PropertyStore()
    said: list[tuple[bytes, bytes, int]] = []
    heard: list[bytes] = []
    store.connect(lambda name, value, number: said.append((name, value, number)))
    store.listen(b"x", heard.append)
    store.put(b"x", b"1")
    store.put(b"x", b"2")
    for change in said:
        assert not store.receive(*change)
        assert store.values[b"x"] == b"2"
    assert heard == [b"1", b"2"]
    assert store.receive(b"x", b"3", None)
    assert store.values[b"x"] == b"3"


@each_way
def test_program_reads_the_property_that_it_put_last(apps: Apps, way: str) -> None:
    """The program may put and read it at any time."""
    before = """
allspark.default_properties().put('rpc.keepalive', 120_000)

class Mine(Contract):
    def process(self, data):
        properties, wrong = allspark.default_properties(), 0
        for number in range(100):
            properties.put('x', -1)
            properties.put('x', number)
            for _ in range(20):
                time.sleep(0)
                wrong += properties.get('x', -2) != number
        return str(wrong), 200
"""
    assert apps.start("Mine().run()", before, way=way).call(b"").body == b"0"


@each_way
def test_hanging_listener_does_not_stop_other_properties(apps: Apps, way: str) -> None:
    before = "class Mine(Contract):\n    def process(self, data):\n        return properties.get(data), 200\n"
    body = (
        "properties = allspark.default_properties()\nproperties.listen('a', lambda _: time.sleep(1000))\nMine().run()"
    )
    host = apps.start(body, before, {"EAS_HOST_WORKER_PROCESSES": "1"}, way)
    for name in ("a", "b"):
        assert host.call(f'{{"{name}": "new"}}'.encode(), "/api/builtin/prop").status == 200
    deadline = time.monotonic() + TIMEOUT
    while host.call(b"b").body != b"new":
        assert time.monotonic() < deadline


# The client.


def test_channel_sends_a_request_twice_only_after_an_idle_connection_closed() -> None:
    """A request on a new connection is sent once."""
    served: list[bytes] = []

    def serve(server: socket.socket, answers: list[bytes]) -> None:
        for answer in answers:
            connection, _ = server.accept()
            with connection:
                data = b""
                while b"\r\n\r\nbody" not in data:
                    data += connection.recv(65536)
                served.append(data)
                connection.sendall(answer)

    good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        closing(allspark.Channel("{}:{}".format(*server.getsockname()))) as channel,
    ):
        thread = threading.Thread(target=serve, args=(server, [b"", good, good]))
        thread.start()
        with pytest.raises(ConnectionError):
            channel.request(b"body")
        assert len(served) == 1
        assert channel.request(b"body") == b"ok"
        assert channel.request(b"body") == b"ok"
        thread.join()
    assert len(served) == 3


def test_importing_allspark_leaves_common_module_names_free() -> None:
    """Users give them to their own files."""
    code = "import sys, allspark; print({'calendar', 'concurrent', 'email', 'http', 'ssl'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


def test_garbage_of_a_program_is_searched_for(start: StartHost, tmp_path: Path) -> None:
    """A worker searches for none while it imports."""
    app = tmp_path / "app.py"
    app.write_text(
        "import allspark, gc\n"
        "class App(allspark.BaseProcessor):\n"
        "    def initialize(self):\n"
        "        pass\n"
        "    def process(self, data):\n"
        "        return repr(gc.isenabled()).encode(), 200\n",
        encoding="utf-8",
    )
    assert start("python", app).call().body == b"True"
