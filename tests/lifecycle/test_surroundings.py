"""
The host and its surroundings: the terminal, the port, the descriptors, the user's environment, and its own process
where the processor is in it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import TIMEOUT
from support.build import ProcessorBuilder
from support.command import run
from support.gate import Gate
from support.host import Host, StartHost, Value, clean_environment, program
from support.log import Log
from support.network import free_port
from support.scripted import ScriptedBehaviour
from support.wire import Client

pytestmark = pytest.mark.real_starts

ISOLATIONS = ("process", "none")
each_isolation = pytest.mark.parametrize("isolation", ISOLATIONS)
Unstarted = Callable[..., Host]


@pytest.fixture
def behaviour(tmp_path: Path) -> ScriptedBehaviour:
    return ScriptedBehaviour(tmp_path / "behaviour")


@pytest.fixture
def unstarted(builder: ProcessorBuilder, tmp_path: Path) -> Iterator[Unstarted]:
    """Makes hosts that are not waited for, with processors/cpp/scripted.cc."""
    made: list[Host] = []

    def make(behaviour: ScriptedBehaviour, **options: Value) -> Host:
        folder = tmp_path / f"unstarted-{len(made)}"
        made.append(Host(folder, **{"entry": builder.cpp("scripted"), "model_config": behaviour.path, **options}))
        return made[-1]

    yield make
    for host in made:
        host.kill()


# The host's own process.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_stop_signal_while_loading_with_isolation_none_ends_the_host(
    unstarted: Unstarted, behaviour: ScriptedBehaviour, gate: Gate, number: signal.Signals
) -> None:
    """initialize runs in the host itself, and nothing is promised before."""
    behaviour.gate(gate)
    host = unstarted(behaviour, isolation="none")
    gate.wait_entered()
    host.send_signal(number)
    host.ends_with(None)
    assert host.process.returncode in (0, -number, 128 + number)
    assert host.log.text(stream="stdout") == ""


def test_stop_signal_after_loading_with_isolation_none_drains(
    unstarted: Unstarted, behaviour: ScriptedBehaviour
) -> None:
    host = unstarted(behaviour, isolation="none")
    host.wait_listening()
    host.stop(signal.SIGINT)


@each_isolation
def test_beginning_of_a_long_cpp_exception_is_reported(builder: ProcessorBuilder, isolation: str) -> None:
    """The text may be longer than any buffer; exit code 3."""
    ended = run("--entry", builder.cpp("throws_at_length"), "--listen", "127.0.0.1:0", "--isolation", isolation)
    ended.fails_with(3, "the model file is torn")


@each_isolation
def test_long_python_exception_is_reported_with_the_users_frames(tmp_path: Path, isolation: str) -> None:
    app = tmp_path / "app.py"
    app.write_text(
        "import allspark\n\n\n"
        "class App(allspark.BaseProcessor):\n"
        "    def initialize(self):\n"
        "        read_the_model()\n\n\n"
        "def read_the_model():\n"
        "    raise ValueError('torn: ' + 'x' * 3_000_000)\n",
        encoding="utf-8",
    )
    ended = run("--entry", app, "--listen", "127.0.0.1:0", "--isolation", isolation)
    ended.fails_with(3, "ValueError", "torn: ")
    assert "in read_the_model" in ended.stderr


def test_several_worker_processes_are_refused_with_isolation_none(builder: ProcessorBuilder) -> None:
    """There is one process without isolation."""
    ended = run("--entry", builder.cpp("contract"), "--isolation", "none", "--worker-processes", "2")
    ended.fails_in_one_line(2, "--isolation none", "--worker-processes")


# The port and the terminal.


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_second_host_on_a_port_exits_with_4(unstarted: Unstarted, tmp_path: Path, gate: Gate, isolation: str) -> None:
    """Both load at the same time; the first that is ready has the port, the other says so in one line."""
    port = free_port()
    behaviours = [ScriptedBehaviour(tmp_path / f"behaviour-{number}") for number in range(2)]
    behaviours[1].gate(gate)
    late = unstarted(behaviours[1], listen=f"127.0.0.1:{port}", isolation=isolation)
    gate.wait_entered()
    first = unstarted(behaviours[0], listen=f"127.0.0.1:{port}")
    first.wait_listening()
    gate.release()
    late.ends_with(4)
    (line,) = late.complaints()
    assert str(port) in line
    assert "listening on" not in late.log.text()
    assert first.call(b"x").body == b"x"
    first.stop()


@pytest.mark.parametrize("when", ["loading", "serving"])
def test_full_standard_output_does_not_keep_the_host_from_serving(
    builder: ProcessorBuilder, behaviour: ScriptedBehaviour, gate: Gate, when: str
) -> None:
    """Nobody can read that it stops, or that it serves; it does both all the same."""
    port = free_port()
    if when == "loading":
        behaviour.gate(gate)
    words = ["--entry", builder.cpp("scripted"), "--model-config", behaviour.path, "--listen", f"127.0.0.1:{port}"]
    with Path("/dev/full").open("wb") as full:
        host = subprocess.Popen(
            [*program(), *map(str, words), "--log-level", "debug"],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    assert host.stderr is not None
    log = Log()
    log.follow(host.stderr, "stderr")
    try:
        if when == "loading":
            gate.wait_entered()
        else:
            with connected(port, host) as client:
                assert client.call(b"x").body == b"x"
        host.terminate()
        assert host.wait(TIMEOUT) == 0, log.text()
        assert log.wait_end()
        assert "Traceback" not in log.text()
    finally:
        host.kill()
        host.wait()


def connected(port: int, host: subprocess.Popen[bytes]) -> Client:
    """A connection to *host*, which cannot say from when on it listens."""
    while host.poll() is None:
        try:
            return Client(("127.0.0.1", port))
        except ConnectionRefusedError:
            continue
    raise AssertionError(f"the host ended with {host.returncode}")


# What runs out.


def test_worker_is_started_again_when_there_are_descriptors_again(
    unstarted: Unstarted, behaviour: ScriptedBehaviour
) -> None:
    """A worker dies when the host may open no more files, which is no fault of the processor. Requests wait."""
    host = unstarted(behaviour, keepalive=120_000)
    host.wait_listening()
    host.allow_log("SIGKILL|cannot be started")
    with host.connect() as client:
        assert client.call(b"first").body == b"first"
        taken = max(int(entry.name) for entry in Path(f"/proc/{host.pid}/fd").iterdir())
        limits = resource.prlimit(host.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (taken - 4, limits[1]))
        host.kill_worker()
        host.wait_for_log("cannot be started", times=4)
        client.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nwaits")
        host.wait_for_log("cannot be started", times=5)
        assert client.is_silent()
        resource.prlimit(host.pid, resource.RLIMIT_NOFILE, limits)
        assert client.read().body == b"waits"
    host.stop()


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_running_and_waiting_requests_answer_503_after_the_grace_period(
    start: StartHost, gate: Gate, isolation: str
) -> None:
    """Both are told that the host is stopping."""
    host = start(worker_threads=1, keepalive=120_000, grace_period=0.3, isolation=isolation)
    host.allow_log("grace period")
    with host.ask(gate.command(b"runs")) as running:
        gate.wait_entered()
        with host.ask(b"waits") as waiting, host.connect() as other:
            assert other.call(b"", "/api/builtin/none").status == 404
            host.send_signal(signal.SIGTERM)
            for client in (running, waiting):
                answer = client.read()
                assert answer.status == 503, answer
                assert "stopping" in answer.text
                assert client.is_closed()
    host.ends_with(0)
    assert "SIGKILL" not in host.log.text()


# The user's environment.

ECHO = """
import allspark{imports}


class App(allspark.BaseProcessor):
    def initialize(self):
        {initialize}

    def process(self, data):
        return {returned}, 200
"""


def python_app(folder: Path, imports: str = "", initialize: str = "pass", returned: str = "data") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "app.py"
    path.write_text(ECHO.format(imports=imports, initialize=initialize, returned=returned), encoding="utf-8")
    return path


@each_isolation
@pytest.mark.parametrize("more", [{}, {"PYTHONSAFEPATH": "1"}], ids=["plain", "safe path"])
@pytest.mark.parametrize("form", ["relative", "absolute"])
def test_pythonpath_counts_as_for_python_app_py(
    tmp_path: Path, isolation: str, form: str, more: dict[str, str]
) -> None:
    """The path is relative to where the host is started, its first entry too."""
    app = python_app(tmp_path / "app", imports=", helper", returned="helper.WORD")
    library = tmp_path / "library"
    library.mkdir()
    (library / "helper.py").write_text("WORD = b'helped'\n", encoding="utf-8")
    # The host's working folder is host/cwd.
    path = {"relative": "../../library", "absolute": str(library)}[form]
    variables = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}
    with Host(tmp_path / "host", variables, entry=app, isolation=isolation) as host:
        assert host.call(b"x").body == b"helped"


@each_isolation
def test_sys_argv_has_only_the_file(start: StartHost, tmp_path: Path, isolation: str) -> None:
    """A file that parses its arguments finds none, as under `python app.py`."""
    parse = "argparse.ArgumentParser().parse_args()"
    app = python_app(tmp_path / "app", ", argparse, sys", parse, "repr(sys.argv).encode()")
    host = start("python", entry=app, isolation=isolation)
    assert host.call(b"").text == repr([str(app)])


BAD = """
import allspark


class Wordless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Uncountable:
    def __index__(self):
        raise RuntimeError("no number")


def wordless():
    raise Wordless


class App(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        if data == b"raise":
            wordless()
        if data == b"data":
            return Wordless(), 200
        if data == b"status":
            return b"", Uncountable()
        return data, 200
"""


@pytest.mark.parametrize(("body", "status"), [(b"raise", 400), (b"data", 200), (b"status", 400)])
def test_returned_objects_that_raise_are_not_an_internal_error(
    start: StartHost, tmp_path: Path, body: bytes, status: int
) -> None:
    """Objects whose own methods raise are the processor's fault."""
    app = tmp_path / "app.py"
    app.write_text(BAD, encoding="utf-8")
    host = start("python", entry=app)
    host.allow_log("raised|expected")
    answer = host.call(body)
    assert (answer.status, "internal error" in answer.text) == (status, False), answer
    assert host.call(b"next").body == b"next"


# What the command line says.


@pytest.mark.parametrize(
    ("source", "file", "name"),
    [
        ("libscripted.so", "libscripted.so.1", "scripted"),
        ("libscripted.so", "libscripted.so.1.2.3", "scripted"),
        ("app.py", "library.py", "library"),
        ("app.py", "lib.py", "lib"),
    ],
)
def test_service_is_named_after_the_stem_of_its_entry(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, source: str, file: str, name: str
) -> None:
    """ "lib" is cut from C++ libraries alone, and their versions are no part of the name."""
    made = builder.cpp("scripted") if source.endswith(".so") else python_app(tmp_path / "made")
    entry = tmp_path / file
    entry.write_bytes(made.read_bytes())
    host = start("cpp" if source.endswith(".so") else "python", entry=entry)
    assert host.path == f"/api/predict/{name}"


@pytest.mark.parametrize(
    "flags",
    [
        ["--max-queue-size", "60000", "--max-body", "2000MiB", "--max-output", "2000MiB"],
        ["--worker-processes", "4095"],
        ["--worker-threads", "4095", "--worker-processes", "20"],
    ],
    ids=" ".join,
)
def test_options_that_need_too_much_together_are_refused(builder: ProcessorBuilder, flags: list[str]) -> None:
    """Each number is possible; exit code 2, and one line says which to lower."""
    ended = run("--entry", builder.cpp("contract"), "--listen", "127.0.0.1:0", *flags)
    ended.fails_in_one_line(2, "lower")


def test_impossible_host_name_is_reported_in_one_line(builder: ProcessorBuilder) -> None:
    """A label of a host name has 63 letters at most."""
    ended = run("--entry", builder.cpp("contract"), "--listen", "a" * 70 + ":0")
    assert ended.code in (2, 4)
    ended.fails_in_one_line(ended.code, "a" * 70)


@each_isolation
def test_exception_of_several_lines_is_reported_in_one_line(tmp_path: Path, isolation: str) -> None:
    app = python_app(tmp_path / "app", initialize='raise ValueError("one\\ntwo\\nthree")')
    run("--entry", app, "--listen", "127.0.0.1:0", "--isolation", isolation).fails_with(3, "one two three")


@each_isolation
def test_entry_whose_file_name_has_no_valid_encoding_is_served(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, isolation: str
) -> None:
    """A file name is bytes."""
    entry = tmp_path / os.fsdecode(b"libodd\xff.so")
    entry.write_bytes(builder.cpp("contract").read_bytes())
    host = start("cpp", entry=entry, isolation=isolation, name="odd")
    assert host.call(b"x").body == b"x"


def test_fatal_error_is_json_with_log_format_json(tmp_path: Path) -> None:
    """Each line of the error is JSON."""
    app = python_app(tmp_path / "app", initialize='raise ValueError("torn")')
    ended = run("--entry", app, "--listen", "127.0.0.1:0", "--log-format", "json")
    assert ended.code == 3
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert "torn" in json.dumps(lines[-1])
