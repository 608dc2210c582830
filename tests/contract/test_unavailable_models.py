"""
The status says why a model does not answer: a full queue is 450; a model that is down or says that it is not ready is
503, and so is a worker that is not ready in time. This holds for a service of one model and of several, however the
request comes; the other models of the service do not notice.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host
from support.service import Services, describe, services
from support.wire import Client, Response, chunked, request

__all__ = ["services"]

REQUESTS: dict[str, Callable[[str], bytes]] = {
    "POST": lambda path: request("POST", path, b"x"),
    "GET": lambda path: request("GET", path),
    "HEAD": lambda path: request("HEAD", path),
    "large": lambda path: request("POST", path, bytes(1 << 20)),
    "gzip": lambda path: request("POST", path, gzip.compress(b"x"), [("Content-Encoding", "gzip")]),
    "large gzip": lambda path: request("POST", path, gzip.compress(bytes(1 << 20)), [("Content-Encoding", "gzip")]),
    "chunks": lambda path: request("POST", path, headers=[("Transfer-Encoding", "chunked")]) + chunked(b"x", 1),
    "HTTP/1.0": lambda path: request("POST", path, b"x", version="HTTP/1.0"),
}
READY_APP = """
import allspark


class Says(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        if data == b"?":
            return allspark.default_properties().get("model.ready"), 200
        if data != b"x":
            allspark.default_properties().put("model.ready", data)
        return data, 200
"""
MODELS = {"one": ["scripted"], "several": ["other", "scripted", "third"]}


class Case:
    """A service in which one model, `scripted`, is as its file says; *path* is where it answers."""

    def __init__(self, services: Services, builder: ProcessorBuilder, folder: Path, models: list[str]) -> None:
        self._services = services
        self._folder = folder
        self._models = models
        self.behaviour = folder / "behaviour.txt"
        self.behaviour.write_text("ok")
        (folder / "code").mkdir()
        for source in (builder.cpp("scripted"), builder.cpp("contract")):
            shutil.copy(source, folder / "code")

    def start(self, **settings: object) -> Host:
        """The service with *settings* in metadata.rpc, and one thread a model."""
        scripted = {"processor_path": "code", "processor_entry": "libscripted.so", "model_config": str(self.behaviour)}
        other = {"processor_path": "code", "processor_entry": "libcontract.so"}
        block = settings.pop("crash_block", False)
        keys = {"metadata": {"rpc": {"worker_threads": 1, **settings}}, "runtime": {"enable_crash_block": block}}
        if len(self._models) == 1:
            host = self._services.start(describe(self._folder, name="s", **scripted, **keys))
            host.path = "/api/predict/s"
        else:
            models = [{"name": name, **(scripted if name == "scripted" else other)} for name in self._models]
            host = self._services.start(describe(self._folder, name="s", models=models, **keys))
            host.path = "/api/predict/s/scripted"
        host.allow_log("SIGSEGV|SIGKILL|enable_crash_block")
        return host

    def refused(self, host: Host, status: int, *words: str) -> None:
        """Every request to the model answers *status*, with a text that has *words*; others are served."""
        for name, make in REQUESTS.items():
            method = name if name in ("GET", "HEAD") else "POST"
            with host.connect() as client:
                for _ in range(2):
                    answer = client.send(make(host.path)).read(method)
                    assert answer.status == status, (name, answer)
                    if method != "HEAD":
                        assert all(word in answer.text for word in words), (name, answer)
                    if "1.0" in name:
                        break
        self.others_are_served(host)

    def others_are_served(self, host: Host) -> None:
        for name in self._models:
            if name != "scripted":
                assert host.call(b"x", f"/api/predict/s/{name}").body == b"x"


@pytest.fixture(params=MODELS)
def case(services: Services, builder: ProcessorBuilder, tmp_path: Path, request: pytest.FixtureRequest) -> Case:
    return Case(services, builder, tmp_path, MODELS[request.param])


def gated(host: Host, gate: Gate) -> Client:
    """A request that holds the model's only thread."""
    client = host.ask(b"gate:" + str(gate.folder).encode())
    gate.wait_entered()
    return client


def test_full_queue_answers_450(case: Case, gate: Gate) -> None:
    host = case.start(max_queue_size=1, keepalive=60_000)
    with gated(host, gate) as busy, host.ask(b"waits") as waiting:
        host.wait_queue(1)
        case.refused(host, 450, "the queue is full")
        gate.release()
        assert busy.read().status == 200
        assert waiting.read().body == b"waits"
    assert host.call(b"x").body == b"x"


def test_model_that_crashed_with_crash_block_answers_503(case: Case) -> None:
    """The model stays down for its author to look at, which is no full queue and no missing model."""
    host = case.start(crash_block=True, keepalive=60_000)
    assert host.call(b"segv").status == 500
    case.refused(host, 503, "no healthy upstream", "enable_crash_block")
    assert host.call(b"x").get("Retry-After") == "1"
    assert host.call(None, "/api/builtin/ping?ready=true", "GET").status == 503


def test_service_that_its_operator_set_not_ready_answers_503(case: Case) -> None:
    """The operator's value is for all models."""
    host = case.start(keepalive=60_000)
    assert host.call(b"", "/api/builtin/prop?name=model.ready&value=0").status == 200
    assert host.call(b"x").get("Retry-After") == "1"
    assert host.call(b"x").status == 503
    assert "no healthy upstream: " in host.call(b"x").text
    assert host.call(b"", "/api/builtin/prop?name=model.ready&value=1").status == 200
    assert host.call(b"x").body == b"x"


def test_model_that_its_program_set_not_ready_answers_503(services: Services, tmp_path: Path) -> None:
    """The other models serve on. The newest value counts; an operator's is for all models."""
    (tmp_path / "app.py").write_text(READY_APP)
    models = [{"name": name, "processor_path": "app.py"} for name in ("a", "b")]
    host = services.start(describe(tmp_path, name="s", models=models))
    a, b = "/api/predict/s/a", "/api/predict/s/b"

    def operator(value: str) -> None:
        assert host.call(b"", f"/api/builtin/prop?name=model.ready&value={value}").status == 200

    def ready() -> tuple[int, int, str, int]:
        shown = host.call(None, "/api/builtin/prop?name=model.ready", "GET").text.strip()
        probe = host.call(None, "/api/builtin/ping?ready=true", "GET").status
        return host.call(b"x", a).status, host.call(b"x", b).status, shown, probe

    assert ready() == (200, 200, "1", 200)
    assert host.call(b"0", a).status == 200
    while host.call(b"x", a).status == 200:
        pass
    assert ready() == (503, 200, "0", 503)
    assert "no healthy upstream: the program has put model.ready to 0" in host.call(b"x", a).text
    assert [
        model["ready"] for model in json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["models"].values()
    ] == [False, True]
    host.allow_log("SIGKILL")
    for worker in host.workers():
        host.kill_worker(worker)
    assert host.call(b"?", b).body == b"1"
    assert ready() == (503, 200, "0", 503)
    operator("1")
    assert ready() == (200, 200, "1", 200)
    while host.call(b"?", a).body != b"1":
        pass  # the programs hear of it a moment later than the one who has put it
    operator("0")
    assert ready() == (503, 503, "0", 503)
    operator("1")
    while host.call(b"?", b).body != b"1":
        pass
    assert host.call(b"perhaps", b).status == 200
    host.wait_for_log("model.ready: 'perhaps' is wrong: expected 1 or 0")
    assert ready() == (200, 200, "1", 200)


def test_requests_that_wait_too_long_for_a_loading_worker_answer_503(case: Case, gate: Gate) -> None:
    """As many requests may wait as the queue has room for; one more answers 450."""
    host = case.start(max_queue_size=1, keepalive=2000)
    case.behaviour.write_text(f"gate:{gate.folder}")
    assert host.call(b"segv").status == 500
    gate.wait_entered()
    with host.ask(b"waits") as first, host.ask(b"waits, too") as second:
        host.wait_queue(2)
        case.refused(host, 450, "the queue is full")
        for client in (first, second):
            answer: Response = client.read()
            assert answer.status == 503
            assert "no healthy upstream: no worker became ready in time" in answer.text
            assert client.is_closed()
    gate.release()
    while host.call(b"x").status == 503:
        pass
    case.others_are_served(host)


def test_unknown_model_answers_404_with_a_text(case: Case) -> None:
    """An empty body is what a gateway answers while it is not ready. A service of one model serves every path."""
    host = case.start(keepalive=60_000)
    case.others_are_served(host)
    for path in ("/api/predict/s/none", "/api/predict/none", "/api/predict/s/script", "/"):
        answer = host.call(b"x", path)
        if host.path == "/api/predict/s":
            assert answer.body == b"x"
        else:
            assert (answer.status, host.path in answer.text) == (404, True)
