"""
A service of several models: each answers at /api/predict/<service>/<model>, and a failure of one does not touch the
others.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import proc
from support.build import ProcessorBuilder
from support.command import run
from support.host import Host
from support.wire import command, request

DONE = r"^\[INFO\] Service reload successfully$"
REFUSED = "the old version goes on serving"

APP = """
import allspark


class Says(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return {says!r}.encode() + b" %d %d" % (len(data), sum(data[-3:])), 200
"""


class Service:
    """A description in *folder*, with a contract processor in C++ and programs that say who they are."""

    def __init__(self, folder: Path, builder: ProcessorBuilder) -> None:
        folder.mkdir()
        self.folder = folder
        self.file = folder / "service.json"
        (folder / "cpp").mkdir()
        shutil.copy(builder.contract("cpp"), folder / "cpp" / "libcontract.so")
        self.processors: list[dict[str, Any]] = [
            {"name": "contract", "processor_path": "cpp", "processor_entry": "libcontract.so", "processor_type": "cpp"}
        ]
        self.models = [{"name": "first", "processor": "contract"}]
        self.more: dict[str, Any] = {}
        self.program("second", "second")

    def program(self, name: str, says: str) -> None:
        """Add the model *name*, or let it say something else."""
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "app.py").write_text(APP.format(says=says))
        if not any(model["name"] == name for model in self.models):
            self.processors.append({"name": name, "processor_path": name, "processor_entry": "./app.py"})
            self.models.append({"name": name, "processor": name})

    def write(self) -> Path:
        self.file.write_text(
            json.dumps({"name": "many", "models": self.models, "processors": self.processors, **self.more})
        )
        return self.file


@pytest.fixture
def service(tmp_path: Path, builder: ProcessorBuilder) -> Service:
    return Service(tmp_path / "service", builder)


@pytest.fixture
def many(service: Service, tmp_path: Path) -> Iterator[Host]:
    """A host that serves it and reloads."""
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Host(tmp_path / "host", variables, ("serve", service.write()), reload=True) as running:
        running.mark()
        yield running


FIRST = "/api/predict/many/first"
SECOND = "/api/predict/many/second"


def test_each_model_answers_at_its_path(many: Host) -> None:
    """The models also answer below their paths, on one connection, in any order."""
    with many.connect() as client:
        assert client.call(b"one", FIRST).body == b"one"
        assert client.call(b"two", SECOND).body == b"second 3 346"
        assert client.call(b"one again", f"{FIRST}/v1/deeper?x=1").body == b"one again"
        assert client.call(b"two", SECOND).body == b"second 3 346"
        client.send(request("POST", SECOND, b"a") + request("POST", FIRST, b"b") + request("POST", SECOND, b"c"))
        assert [client.read().body for _ in range(3)] == [b"second 1 97", b"b", b"second 1 99"]


@pytest.mark.parametrize("path", ["/api/predict/many", "/api/predict/many/third", "/", "/api/predict/other/first"])
def test_unknown_path_answers_404_with_the_list_of_models(many: Host, path: str) -> None:
    answer = many.call(b"", path)
    assert answer.status == 404
    assert FIRST in answer.text
    assert SECOND in answer.text


def test_large_body_reaches_the_model_of_its_path(many: Host) -> None:
    """The body arrives in pieces."""
    body = bytes(range(256)) * 4096
    assert many.call(body, FIRST).body == body
    assert many.call(body, SECOND).body == f"second {len(body)} {253 + 254 + 255}".encode()


def test_crash_of_one_model_leaves_the_others_workers_running(many: Host) -> None:
    before = set(many.workers())
    many.allow_log("worker 0: .*SIGSEGV")
    assert many.call(command("die", "segv"), FIRST).status == 500
    assert many.call(b"two", SECOND).body == b"second 3 346"
    assert many.call(b"one", FIRST).body == b"one"
    assert len(before & set(many.workers())) == 1


def test_repeated_deaths_of_one_model_do_not_touch_the_other(many: Host) -> None:
    """The workers of one model end again and again, each soon after its load; that model serves on, too."""
    many.allow_log("exit")
    for _ in range(4):
        answer = many.call(command("later", "50:_exit:3"), FIRST)
        assert answer.status == 200
        assert proc.Watch(int(answer.body)).wait()
        assert many.call(b"two", SECOND).body == b"second 3 346"
    assert many.call(b"one", FIRST).body == b"one"
    counters = json.loads(many.call(None, "/api/builtin/monitor", "GET").body)
    assert counters["models"]["first"]["worker_deaths"] == {"exit": 4}
    assert counters["models"]["second"]["worker_deaths"] == {}


def test_monitor_and_the_page_tell_of_each_model(many: Host) -> None:
    many.call(b"one", FIRST)
    counters = json.loads(many.call(None, "/api/builtin/monitor", "GET").body)
    assert counters["requests"] == {"200": 1}
    assert counters["models"].keys() == {"first", "second"}
    assert counters["models"]["first"]["ready"] is True
    with many.connect() as client:
        client.send(request("GET", "/api/builtin/ui/events"))
        client._until(b"\r\n\r\n")
        update = json.loads(client._until(b"\n\n").removeprefix(b"data: "))
    assert [(model["name"], model["path"]) for model in update["models"]] == [("first", FIRST), ("second", SECOND)]
    assert {worker["model"] for worker in update["workers"]} == {"first", "second"}


def test_model_that_does_not_load_ends_the_host_and_is_named(service: Service, tmp_path: Path) -> None:
    (service.folder / "second" / "app.py").write_text("raise ValueError('no')\n")
    done = run("serve", service.write(), "--listen", "127.0.0.1:0", variables={"XDG_CACHE_HOME": str(tmp_path / "c")})
    done.fails_with(3, "second", "ValueError: no")


def test_several_models_are_refused_with_isolation_none(service: Service) -> None:
    done = run("serve", service.write(), "--isolation", "none")
    done.fails_in_one_line(2, "--isolation none", "the description has more")


def test_rate_limit_counts_requests_of_all_models(service: Service, tmp_path: Path) -> None:
    service.more["metadata"] = {"rpc": {"rate_limit": 1}}
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Host(tmp_path / "host", variables, ("serve", service.write())) as host:
        statuses = [host.call(b"x", path).status for path in (FIRST, SECOND, FIRST, SECOND)]
    assert statuses[0] == 200
    assert 429 in statuses


def test_reload_adds_and_removes_models(many: Host, service: Service) -> None:
    """The description is read again; a removed model answers 404."""
    service.program("third", "third")
    service.write()
    many.wait_for_log(DONE)
    assert many.call(b"two", "/api/predict/many/third").body == b"third 3 346"
    many.mark()
    service.models = [model for model in service.models if model["name"] != "second"]
    service.processors = [processor for processor in service.processors if processor["name"] != "second"]
    service.write()
    many.wait_for_log(DONE)
    assert many.call(b"two", SECOND).status == 404
    assert many.call(b"one", FIRST).body == b"one"


def test_body_that_arrives_during_a_reload_is_answered_by_the_new_version(many: Host, service: Service) -> None:
    """The part that has arrived lies in the ring of the old version, and is not lost."""
    body = b"x" * (1 << 20)
    whole = request("POST", SECOND, body)
    with many.connect() as client:
        client.send(whole[: len(whole) // 2])
        service.program("second", "another")
        many.wait_for_log(DONE)
        client.send(whole[len(whole) // 2 :])
        assert client.read().body == b"another %d 360" % len(body)
        assert client.call(b"two", SECOND).body == b"another 3 346"


def test_generated_token_stays_the_same_after_a_reload(service: Service, tmp_path: Path) -> None:
    """Clients know it."""
    service.more["generate_token"] = True
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Host(tmp_path / "host", variables, ("serve", service.write()), reload=True) as host:
        token = host.wait_for_log(r"^\[INFO\] Token: \[(.+)\]$")[1]
        host.mark()
        service.program("second", "another")
        host.wait_for_log(DONE)
        with host.connect() as client:
            client.send(request("POST", SECOND, b"two", [("Authorization", token)]))
            assert client.read().body == b"another 3 346"
        assert host.call(b"two", SECOND).status == 401


def test_one_broken_model_keeps_the_old_version_of_all(many: Host, service: Service) -> None:
    """A version takes over as a whole or not at all."""
    many.allow_log(REFUSED)
    service.program("second", "another")
    service.program("third", "third")
    (service.folder / "third" / "app.py").write_text("import nothing_of_that_name\n")
    service.write()
    many.wait_for_log(REFUSED)
    assert many.call(b"two", SECOND).body == b"second 3 346"
    assert many.call(b"two", "/api/predict/many/third").status == 404


def test_broken_description_keeps_the_old_version(many: Host, service: Service) -> None:
    many.allow_log(REFUSED)
    service.file.write_text('{"name": "many",\n "modles": []}')
    many.wait_for_log(f"modles.*{REFUSED}")
    assert many.call(b"two", SECOND).body == b"second 3 346"
