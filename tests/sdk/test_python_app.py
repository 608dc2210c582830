"""
`python app.py`: the life of a program that serves from its own process, with the front beside it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess

import pytest

from eas_host.sidecar.launch_request import resolve_config
from eas_runtime.messages import LaunchRequest
from support import TIMEOUT, proc, processor_python
from support.app import Apps, apps
from support.gate import Gate
from support.host import OUR_FRAMES, clean_environment
from support.network import free_port
from support.processor_python import program_python
from support.program import front_of
from support.stop import SHUTTING_DOWN
from support.wire import Client, command

__all__ = ["apps"]

LINES = """\
[INFO] create service
[INFO] rpc binds to predefined port PORT
[INFO] updating rpc port to PORT
[INFO] install builtin handler call to /api/builtin/call
[INFO] install builtin handler eastool to /api/builtin/eastool
[INFO] install builtin handler monitor to /api/builtin/monitor
[INFO] install builtin handler ping to /api/builtin/ping
[INFO] install builtin handler prop to /api/builtin/prop
[INFO] install builtin handler realtime_metrics to /api/builtin/realtime_metrics
[INFO] install builtin handler tell to /api/builtin/tell
[INFO] install builtin handler term to /api/builtin/term
listening on http://127.0.0.1:PORT/api/predict/app
[INFO] Service start successfully""".splitlines()


# Starting.


@pytest.mark.every_python
def test_start_prints_the_lines_of_eas(apps: Apps) -> None:
    """Each line is written at once."""
    program = apps.start()
    program.wait_for_log(r"Service start successfully")
    said = [line.replace(str(program.address[1]), "PORT") for line in program.log.since(stream="stdout")]
    assert said == LINES
    assert program.log.text(stream="stderr") == ""


def test_start_lines_are_json_with_log_format_json(apps: Apps) -> None:
    """So is the warning of a variable that is none of ours."""
    program = apps.start(variables={"EAS_HOST_LOG_FORMAT": "json", "EAS_HOST_LISEN": ":0"})
    program.wait_for_log(r'"message": "Service start successfully"')
    program.wait_for_log(r'"message": "EAS_HOST_LISEN: .*; did you mean EAS_HOST_LISTEN\?"')


def test_any_path_and_method_reaches_the_processor(apps: Apps) -> None:
    program = apps.start()
    assert program.call(b"10 20", "/test").body == b"10 20"
    assert program.call(None, "/", "GET").body == b""
    assert program.call(b"x", "/api/predict/another/name").body == b"x"


def test_requests_wait_while_the_program_loads(apps: Apps, gate: Gate) -> None:
    """The constructor has opened the port; the queue has its size, then 450."""
    hold = f"class Slow(Contract):\n    def initialize(self):\n        gate({str(gate.folder)!r}.encode() + b':load')\n"
    hold += "        super().initialize()\n"
    before = "allspark.default_properties().put('rpc.max_queue_size', 2)\n" + hold
    program = apps.begin("Slow(worker_threads=3).run()", before)
    program.wait_listening()
    gate.wait_entered()
    with program.ask(b"first") as first, program.ask(b"second") as second:
        with program.connect() as third:
            # The front reads its connections in the order in which they came.
            assert third.call(b"third").status == 450
        assert "Service start successfully" not in program.log.text()
        gate.release()
        assert (first.read().body, second.read().body) == (b"first", b"second")
    program.wait_for_log("Service start successfully")
    program.stop()


@pytest.mark.parametrize(
    ("endpoint", "listens"),
    [
        ("127.0.0.1:{port}", "127.0.0.1"),
        ("127.0.0.1:{port}/", "127.0.0.1"),
        ("http://127.0.0.1:{port}/", "127.0.0.1"),
        (":{port}", "127.0.0.1"),
        ("{port}", "127.0.0.1"),
        ("0.0.0.0:{port}/", "0.0.0.0"),
    ],
)
def test_endpoint_in_every_form_sets_the_address(apps: Apps, endpoint: str, listens: str) -> None:
    """The variable that the other tests set would win over it."""
    port = free_port()
    app = apps.write(f"Contract(endpoint={endpoint.format(port=port)!r}).run()")
    environment = clean_environment()
    with subprocess.Popen(
        [program_python(), app.name], cwd=app.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, b"")
            assert any(f"listening on http://{listens}:{port}/".encode() in line for line in lines)
            with Client(("127.0.0.1", port)) as client:
                assert client.call(b"x").body == b"x"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0
            assert (b"without a token" in said) == (listens == "0.0.0.0")
        finally:
            process.kill()


@pytest.mark.parametrize("endpoint", [None, "127.0.0.1:8000"])
def test_endpoint_is_ignored_in_a_cluster(monkeypatch: pytest.MonkeyPatch, endpoint: str | None) -> None:
    """EAS ignores it there; that port cannot be had in a test, so the front's options are looked at."""
    request = LaunchRequest(endpoint, "app.py", processes=1, properties={})
    monkeypatch.setenv("NAMESPACE", "n")
    assert resolve_config(request).listen == (("127.0.0.1", 8080) if endpoint is None else ("127.0.0.1", 8000))
    monkeypatch.setenv("POD_NAME", "p")
    assert resolve_config(request).listen == ("0.0.0.0", 8080)
    monkeypatch.setenv("EAS_HOST_LISTEN", "127.0.0.1:1")
    assert resolve_config(request).listen == ("127.0.0.1", 1)


def fails(apps: Apps, code: int, *words: str, body: str, variables: dict[str, str] | None = None) -> str:
    """Runs a program that must end by itself, with *code* and, of ours, one line with *words*."""
    program = apps.begin(body, variables=variables)
    program.allow_log(".")
    program.ends_with(code)
    said: str = program.log.text(stream="stderr")
    for word in words:
        assert word in said, said
    return said


def test_address_in_use_exits_with_4(apps: Apps) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        said = fails(
            apps, 4, address, "Address already in use", body="Contract()", variables={"EAS_HOST_LISTEN": address}
        )
    assert len(said.splitlines()) == 1


def test_wrong_endpoint_exits_with_2(apps: Apps) -> None:
    app = apps.write("Contract(endpoint='here:there')")
    done = subprocess.run(
        [program_python(), app], env=clean_environment(), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 2
    assert "here:there" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_wrong_environment_variable_exits_with_2(apps: Apps) -> None:
    said = fails(apps, 2, "EAS_HOST_KEEPALIVE", body="Contract()", variables={"EAS_HOST_KEEPALIVE": "soon"})
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("options", ["worker_threads=0", "worker_threads='x'", "worker_processes=-1"])
def test_wrong_constructor_argument_is_named(apps: Apps, options: str) -> None:
    """The front is not started yet."""
    assert "Error: worker_" in fails(apps, 1, options.partition("=")[0], body=f"Contract({options})")


def test_exception_of_initialize_is_the_programs_own(apps: Apps) -> None:
    """The program ends with its traceback and exit code 1."""
    before = "class Bad(Contract):\n    def initialize(self):\n        raise ValueError('the model file is torn')"
    program = apps.begin("Bad().run()", before)
    program.allow_log(".")
    program.ends_with(1)
    said = program.log.text(stream="stderr")
    assert said.rstrip().endswith("ValueError: the model file is torn")


def test_initialize_that_cannot_be_called_is_explained(apps: Apps) -> None:
    """Python's own traceback does not lead to the line of its `def`."""
    program = apps.begin("Bad().run()", "class Bad(Contract):\n    def initialize(self, path):\n        pass")
    program.allow_log(".")
    program.ends_with(1)
    said = program.log.text(stream="stderr")
    assert re.search(r"\[ERROR\] \S+\.py:\d+: Bad\.initialize\(self, path\) is called without arguments", said), said


def test_waiting_request_is_refused_when_initialize_raises(apps: Apps, gate: Gate) -> None:
    before = (
        "class Bad(Contract):\n    def initialize(self):\n"
        f"        gate({str(gate.folder)!r}.encode() + b':load')\n        raise ValueError('torn')"
    )
    program = apps.begin("try:\n    Bad().run()\nexcept ValueError:\n    print('caught', flush=True)", before)
    program.wait_listening()
    gate.wait_entered()
    with program.ask(b"waits") as client:
        with program.connect() as other:
            assert other.call(None, "/api/builtin/ping", "GET").status == 200
        gate.release()
        answer = client.read()
    assert answer.status == 503, answer
    program.wait_for_log("caught")
    program.ends_with(0)


# Its own process.


def test_process_runs_in_the_users_own_process(apps: Apps) -> None:
    """It runs in the threads of that process."""
    program = apps.start()
    assert {int(program.call(command("pid")).body) for _ in range(5)} == {program.pid}


def test_folder_and_arguments_of_the_program_are_unchanged(apps: Apps) -> None:
    program = apps.start(before="print(sys.argv, os.getcwd(), __name__, flush=True)")
    program.wait_for_log(re.escape(f"['app.py'] {apps.folder}/app-1 __main__"))


def test_prints_are_not_changed(apps: Apps) -> None:
    program = apps.start(variables=processor_python.unbuffered())
    program.call(command("print", "hello"))
    program.wait_for_log("^err hello$", "stderr")


# Stopping.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_stop_signal_drains_and_run_returns(apps: Apps, gate: Gate, number: signal.Signals) -> None:
    """Running requests are answered, the lines behind `run` are executed, and Python's own handlers are back."""
    body = "Contract().run()\nprint('behind run', signal.getsignal(signal.SIGINT) is signal.default_int_handler,"
    body += " signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)"
    program = apps.begin(body)
    program.wait_listening()
    with program.ask(gate.command(b"last")) as client:
        gate.wait_entered()
        program.send_signal(number)
        program.wait_for_log(SHUTTING_DOWN, "stdout")
        gate.release()
        assert client.read().body == b"last"
    program.wait_for_log("^behind run True True$")
    program.ends_with(0)
    assert program.log.text(stream="stderr") == ""


def test_second_ctrl_c_exits_with_130(apps: Apps, gate: Gate) -> None:
    program = apps.begin()
    program.allow_log(".")
    program.wait_listening()
    with program.ask(gate.command()) as client:
        gate.wait_entered()
        program.send_signal(signal.SIGINT)
        program.wait_for_log(SHUTTING_DOWN)
        program.send_signal(signal.SIGINT)
        program.ends_with(130)
        assert client.read().status == 500


def test_ctrl_c_while_loading_exits_with_130(apps: Apps, gate: Gate) -> None:
    before = (
        "class Slow(Contract):\n    def initialize(self):\n"
        f"        tell({str(gate.folder)!r}, 'enter', b'load')\n        time.sleep(1000)"
    )
    program = apps.begin("Slow().run()", before)
    gate.wait_entered()
    program.send_signal(signal.SIGINT)
    program.wait_for_log(SHUTTING_DOWN)
    program.ends_with(130)
    assert program.log.text(stream="stderr") == ""


def test_sigterm_handler_of_the_program_is_kept(apps: Apps) -> None:
    before = "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'mine\\n'))"
    program = apps.begin(before=before)
    program.wait_for_log("Service start successfully")
    program.send_signal(signal.SIGTERM)
    program.wait_for_log("^mine$")
    program.send_signal(signal.SIGINT)
    program.wait_for_log("behind run")
    program.ends_with(0)


def test_run_in_another_thread_serves(apps: Apps) -> None:
    """Ctrl+C is then the program's own."""
    body = "runner = Contract()\nthread = threading.Thread(target=runner.run, daemon=True)\nthread.start()\n"
    body += "threading.Event().wait()"
    program = apps.begin(body)
    program.allow_log(".")
    program.wait_for_log("Service start successfully")
    program.wait_listening()
    assert program.call(b"x").body == b"x"
    program.send_signal(signal.SIGINT)
    program.ends_with(None)


def test_second_run_raises(apps: Apps) -> None:
    """A program serves once."""
    body = "runner = Contract()\nrunner.run()\ntry:\n    runner.run()\nexcept RuntimeError as error:\n    print(error)"
    program = apps.begin(body)
    program.wait_for_log("Service start successfully")
    program.send_signal(signal.SIGINT)
    program.ends_with(0)
    assert "a program serves once" in program.log.text(stream="stdout")


def test_program_that_ends_without_run_leaves_no_front(apps: Apps) -> None:
    """The program has constructed a processor."""
    apps.begin("Contract()").ends_with(0)


# Deaths.


@pytest.mark.parametrize(
    ("how", "said"),
    [("segv", "SIGSEGV"), ("abort", "SIGABRT"), ("_exit:3", "has ended"), ("kill", "has ended")],
    ids=lambda value: value,
)
def test_death_of_the_program_answers_500_with_the_cause(apps: Apps, gate: Gate, how: str, said: str) -> None:
    """Requests that ran beside answer 500, too; the front is gone with the program."""
    program = apps.begin()
    program.allow_log(".")
    program.wait_listening()
    with program.ask(gate.command()) as beside:
        gate.wait_entered()
        answer = program.call(command("die", how))
        assert (answer.status, said in answer.text) == (500, True), answer
        assert beside.read().status == 500
    program.ends_with(None)
    assert program.process.returncode != 0


def test_waiting_request_answers_500_when_the_program_dies(apps: Apps, gate: Gate) -> None:
    program = apps.begin("Contract(worker_threads=1).run()")
    program.allow_log(".")
    program.wait_listening()
    with program.ask(gate.command()) as running:
        gate.wait_entered()
        with program.ask(b"waits") as waiting, program.connect() as other:
            assert other.call(None, "/api/builtin/ping", "GET").status == 200
            program.send_signal(signal.SIGKILL)
            assert running.read().status == 500
            assert waiting.read().status == 500
    program.ends_with(-signal.SIGKILL)


def test_death_of_the_program_is_seen_though_its_child_lives_on(apps: Apps) -> None:
    """A child that the program has forked holds its descriptors."""
    body = "runner = Contract()\nif not os.fork():\n    os.execvp('sleep', ['sleep', '1000'])\nrunner.run()"
    program = apps.begin(body)
    program.wait_for_log("Service start successfully")
    front = proc.Watch(front_of(program))
    children = proc.children(program.pid)
    program.send_signal(signal.SIGKILL)
    assert front.wait()
    for pid in children:
        if "sleep" in proc.command_line(pid):
            os.kill(pid, signal.SIGKILL)
    program.ends_with(-signal.SIGKILL)


@pytest.mark.parametrize("when", ["idle", "busy"])
def test_death_of_the_front_ends_the_program_with_1(apps: Apps, gate: Gate, when: str) -> None:
    """One line says so."""
    program = apps.begin()
    program.allow_log("the HTTP front")
    program.wait_for_log("Service start successfully")
    program.wait_listening()
    client = program.ask(gate.command() if when == "busy" else b"x")
    with client:
        if when == "busy":
            gate.wait_entered()
        else:
            assert client.read().body == b"x"
        os.kill(front_of(program), signal.SIGKILL)
        program.wait_for_log(r"\[ERROR\] the HTTP front \(process \d+\) died of SIGKILL")
        program.ends_with(1)
    (line,) = program.log.since(stream="stderr")
    assert "no request can arrive any more" in line
    assert "behind run" not in program.log.text()


def test_trace_in_the_log_begins_with_the_users_frames(apps: Apps) -> None:
    program = apps.start()
    assert program.call(command("throw", "look")).status == 400
    program.expect_log("ValueError: look")
    program.wait_for_log("in user_code_that_throws")
    assert [line for line in program.log.since(stream="stderr") if OUR_FRAMES.search(line)] == []
