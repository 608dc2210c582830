"""
Suspects, requests whose worker died, that are answered in parts: a suspect has had its turn when its answer has begun.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from support import LONG
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host, StartHost
from support.pipe import Pipe
from support.wire import request

ANSWERS_IN_PARTS = """
import sys
import allspark

sys.path.append({folder!r})
import contract

class InParts(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        if data.startswith(b"long:"):
            return long(data[5:]), 200
        part, _ = contract.gate(data)
        return parts(data, part), 200

def long(data):
    for _ in range(1000):
        yield bytes(1000)  # in all more than the ring holds
    yield contract.gate(data)[0]

def parts(data, part):
    yield part
    while True:
        yield part
"""


@pytest.fixture
def in_parts(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> Host:
    """A host that answers in parts when the gate lets it go."""
    entry = tmp_path / "app.py"
    folder = str(builder.python("contract.py").parent)
    entry.write_text(ANSWERS_IN_PARTS.format(folder=folder), encoding="utf-8")
    host = start("python", entry, keepalive=LONG)
    host.allow_log("SIGKILL")
    return host


@pytest.mark.parametrize("processor", ["streams", "async_streams"])
def test_suspect_whose_answer_has_begun_does_not_hold_up_others(
    start: StartHost, builder: ProcessorBuilder, processor: str, tmp_path: Path
) -> None:
    """
    An answer in parts may take as long as it likes, and never runs again once it has begun: then the next suspect has
    its turn, and when all have begun, other requests.
    """
    host = start("python", builder.python(f"{processor}.py"), keepalive=LONG)
    host.allow_log("SIGKILL")
    with ExitStack() as stack:
        pipes = [stack.enter_context(closing(Pipe(tmp_path / name))) for name in ("a", "b")]
        clients = [stack.enter_context(host.ask(pipe.body)) for pipe in pipes]
        for pipe in pipes:
            pipe.wait_opened(host.workers()[0])
        host.kill_worker()
        for pipe, client in zip(pipes, clients, strict=True):
            pipe.write(b"1")
            assert (client.read_head().status, client.read_chunk()) == (200, b"1")
        assert host.call(b"pair:ab").text == "abab"
        for pipe, client in zip(pipes, clients, strict=True):
            pipe.write(b"2~")
            assert (client.read_chunk(), client.read_chunk()) == (b"2", b"")


def test_begun_answer_goes_on_when_the_suspect_beside_it_is_given_up(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Their worker is killed for the suspect that nobody waits for only when the answer has ended."""
    host = start("python", builder.python("streams.py"), keepalive=LONG)
    host.allow_log("SIGKILL|499")
    with ExitStack() as stack:
        begun, given_up = (stack.enter_context(closing(Pipe(tmp_path / name))) for name in ("a", "b"))
        client, other = (stack.enter_context(host.ask(pipe.body)) for pipe in (begun, given_up))
        for pipe in (begun, given_up):
            pipe.wait_opened(host.workers()[0])
        host.kill_worker()
        begun.write(b"1")
        assert (client.read_head().status, client.read_chunk()) == (200, b"1")
        given_up.wait_opened(host.workers()[0])
        other.reset()
        host.wait_for_log("499")
        begun.write(b"2~")
        assert (client.read_chunk(), client.read_chunk()) == (b"2", b"")
        assert host.call(b"pair:ab").text == "abab"
    host.wait_for_log("nobody waits any more for the suspect that it runs; it is killed")


def test_suspect_that_answers_head_in_parts_keeps_its_worker(in_parts: Host, gate: Gate) -> None:
    """HEAD needs no part but the first, so nobody waits for the others: a generator is closed at its next part."""
    bodies = [f"{gate.folder}:{body}".encode() for body in ("first", "second")]
    with ExitStack() as clients:
        asked = [clients.enter_context(in_parts.connect()) for _ in bodies]
        for number, (client, body) in enumerate(zip(asked, bodies, strict=True), 1):
            client.send(request("HEAD", in_parts.path, body))
            gate.wait_entered(number)
        in_parts.kill_worker()
        gate.wait_entered(3)
        gate.release()
        assert asked[0].read("HEAD").status == 200
        *_, first, last = [event.pid for event in gate.wait_entered(4)]
        assert first == last
        gate.release()
        assert asked[1].read("HEAD").status == 200


def test_begun_answer_that_nobody_reads_as_it_comes_does_not_run_again(in_parts: Host, gate: Gate) -> None:
    """`tell` keeps what has come, and has no client that could see its answer cut."""
    assert in_parts.call(f"long:{gate.folder}:told".encode(), "/api/builtin/tell").status == 202
    gate.wait_entered()
    in_parts.kill_worker()
    with in_parts.ask(f"{gate.folder}:next".encode()) as client:
        assert [event.body for event in gate.wait_entered(2)] == ["told", "next"]
        client.reset()
