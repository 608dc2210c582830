"""
Programs under `eas-host` are run whole, as EAS runs them.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from support.app import Apps, apps
from support.build import ProcessorBuilder
from support.command import run
from support.gate import Gate
from support.host import Host
from support.service import Services, describe, services

__all__ = ["apps", "services"]

each_isolation = pytest.mark.parametrize("isolation", ["process", "none"])


def many(host: Host, gate: Gate, count: int) -> None:
    """*count* requests run at the same time."""
    clients = [host.ask(gate.command()) for _ in range(count)]
    gate.wait_entered(count)
    gate.release(count)
    for client in clients:
        with client:
            assert client.read().status == 200


@each_isolation
def test_worker_threads_of_the_constructor_count_without_a_flag(apps: Apps, gate: Gate, isolation: str) -> None:
    host = apps.start("Contract(worker_threads=9).run()", variables={"EAS_HOST_ISOLATION": isolation}, way="hosted")
    many(host, gate, 9)


def test_worker_threads_of_the_flag_win_over_the_constructor(apps: Apps, gate: Gate) -> None:
    variables = {"EAS_HOST_WORKER_THREADS": "1"}
    host = apps.start("Contract(worker_threads=9).run()", variables=variables, way="hosted")
    with host.ask(gate.command()) as first, host.ask(gate.command()) as second:
        gate.wait_entered()
        assert host.call(None, "/api/builtin/ping", "GET").status == 200
        assert len(gate.catch_up()) == 1
        gate.release(2)
        assert (first.read().status, second.read().status) == (200, 200)


@each_isolation
def test_lines_behind_run_are_executed_when_the_host_stops(apps: Apps, isolation: str) -> None:
    host = apps.begin(variables={"EAS_HOST_ISOLATION": isolation}, way="hosted")
    host.wait_listening()
    host.stop()
    assert "behind run" in host.log.text()


@each_isolation
def test_exception_of_initialize_fails_the_load_though_it_is_caught(apps: Apps, isolation: str) -> None:
    """The exception is the reason that is reported."""
    before = "class Bad(Contract):\n    def initialize(self):\n        raise ValueError('torn')"
    app = apps.write("try:\n    Bad().run()\nexcept Exception:\n    print('caught')", before)
    ended = run("--entry", app, "--listen", "127.0.0.1:0", "--isolation", isolation)
    ended.fails_with(3, "Bad.initialize() raised ValueError: torn")


@each_isolation
def test_address_in_use_ends_the_host_though_the_program_catches_it(apps: Apps, isolation: str) -> None:
    """A program cannot swallow what ends the host."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        app = apps.write("try:\n    Contract().run()\nexcept Exception:\n    print('caught')")
        ended = run("--entry", app, "--listen", address, "--isolation", isolation)
    ended.fails_with(4, address)


def test_program_without_a_logging_of_its_own_logs_as_the_host_does(apps: Apps) -> None:
    """Python's own default, a bare message, has neither time nor level; what it does not show stays hidden."""
    text = "logging.getLogger('mine').warning('one\\ntwo'); logging.getLogger('mine').info('hidden'); Contract().run()"
    host = apps.start(f"import logging; {text}", way="hosted")
    host.wait_for_log(r"^\[.*\] \[WARNING\] worker 0: mine: one$")
    assert "hidden" not in host.log.text()


def test_program_with_a_logging_of_its_own_logs_as_it_says(apps: Apps) -> None:
    text = "logging.basicConfig(level='INFO', format='%(levelname)s|%(message)s'); logging.getLogger('mine').info('x')"
    host = apps.start(f"import logging; {text}; Contract().run()", way="hosted")
    host.wait_for_log(r"^INFO\|x$")


def test_endpoint_of_the_constructor_is_ignored_with_a_log_line(apps: Apps) -> None:
    """--listen decides."""
    host = apps.start("Contract(endpoint='0.0.0.0:1').run()", way="hosted")
    host.wait_for_log("0.0.0.0:1.*--listen")
    assert host.call(b"x").body == b"x"


@each_isolation
def test_constructed_processor_is_run_without_a_call_of_run(apps: Apps, isolation: str) -> None:
    """The documents' sample has lost its last line."""
    body = "runner = Contract(worker_threads=2)"
    host = apps.start(body, variables={"EAS_HOST_ISOLATION": isolation}, way="hosted")
    assert host.call(b"x").body == b"x"


def test_subclass_that_does_not_call_the_base_constructor_serves(apps: Apps) -> None:
    before = "class Mine(Contract):\n    def __init__(self):\n        self.word = 1"
    for way in ("alone", "hosted"):
        assert apps.start("Mine().run()", before, way=way).call(b"x").body == b"x"


def test_run_in_another_thread_serves(apps: Apps) -> None:
    """The file may come to its end before that thread has begun."""
    host = apps.start("threading.Thread(target=Contract().run).start()", way="hosted")
    assert host.call(b"x").body == b"x"


POOL = """
import multiprocessing

class Mine(Contract):
    def initialize(self):
        super().initialize()
        with multiprocessing.get_context('fork').Pool(2) as pool:  # which ends with terminate()
            self.squares = pool.map(abs, [-1, 2])
        child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(1000,))
        child.start()
        child.terminate()
        child.join()

    def process(self, data):
        return str(self.squares).encode(), 200
"""


@pytest.mark.parametrize("way", ["alone", "hosted"])
def test_pool_that_a_program_forks_can_be_ended(apps: Apps, way: str) -> None:
    """The processes of the pool do not take signals as the host does."""
    assert apps.start("Mine().run()", POOL, way=way).call(b"").body == b"[1, 2]"


OTHERS = [
    ("site-packages/allspark/__init__.py", "unrelated package", "pip uninstall allspark"),
    ("site-packages/allspark/liballspark.so", "wheel of EAS", "pip uninstall allspark"),
    ("library/allspark.py", "a module of that name", "Rename or remove"),
]


@pytest.mark.parametrize(("name", "kind", "advice"), OTHERS, ids=[kind for _, kind, _ in OTHERS])
def test_another_allspark_is_replaced_by_the_hosts_and_named(
    apps: Apps, tmp_path: Path, name: str, kind: str, advice: str
) -> None:
    """One line names it."""
    other = tmp_path / name
    other.parent.mkdir(parents=True)
    other.touch()
    if other.suffix == ".so":
        (other.parent / "__init__.py").touch()
    folder = other.parent if other.parent.name != "allspark" else other.parent.parent
    host = apps.start(variables={"PYTHONPATH": str(folder)}, way="hosted")
    assert host.call(b"x").body == b"x"
    host.wait_for_log(f"another allspark, .*{re.escape(kind)}.*{re.escape(advice)}")


# Arguments.

TELLS_ARGUMENTS = """
class Tells(Contract):
    def process(self, data):
        return repr(sys.argv[1:]), 200
"""
ARGUMENTS = ("--func_name", "base", "--listen", "--", "two words")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_arguments_behind_dashes_are_the_programs(apps: Apps, tmp_path: Path, isolation: str) -> None:
    """The arguments may look like options, as behind `python app.py`."""
    entry = apps.write("Tells().run()", TELLS_ARGUMENTS)
    words = ("--isolation", isolation, "--entry", str(entry), "--", *ARGUMENTS)
    with Host(tmp_path / "host", {"EAS_HOST_LISTEN": "127.0.0.1:0"}, words, listen=None) as host:
        assert host.call(b"x").text == repr([*ARGUMENTS])


def test_arguments_behind_dashes_are_those_of_a_described_program(apps: Apps, services: Services) -> None:
    entry = apps.write("Tells().run()", TELLS_ARGUMENTS)
    file = describe(entry.parent, name="tells", processor_entry="app.py", processor_path=".", processor_type="python")
    assert services.start(file, "--", *ARGUMENTS).call(b"x").text == repr([*ARGUMENTS])


def test_arguments_for_a_cpp_processor_are_refused(builder: ProcessorBuilder) -> None:
    """Such arguments would have no effect; one line says what has."""
    entry = builder.cpp("contract")
    ended = run("--entry", entry, "--", "--func_name", "base")
    ended.fails_in_one_line(2, "--func_name", "only a Python program", "--model-config")
