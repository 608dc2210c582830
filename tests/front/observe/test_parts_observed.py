"""
What is logged and counted of answers in parts: how long they took, and what has ended them.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support import LONG
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.parts import Parts
from support.pipe import Pipe, pipe

__all__ = ["pipe"]

Begin = Callable[..., Host]


@pytest.fixture(params=["streams", "async_streams"])
def begin(start: StartHost, builder: ProcessorBuilder, request: pytest.FixtureRequest) -> Begin:
    """Starts a host whose processor streams, by a generator or an async one."""

    def make(**options: Value) -> Host:
        return start("python", builder.python(f"{request.param}.py"), **options)

    return make


def test_age_of_an_answer_in_parts_is_that_of_its_request(begin: Begin, pipe: Pipe) -> None:
    """However many parts have put its deadline off, and whether it is whole or its client has left."""
    host = begin(keepalive=LONG, access_log=True)
    for end in ("whole", "left"):
        with host.ask(pipe.body) as client:
            pipe.write(b"1")
            parts = Parts(client)
            assert parts.next() == b"1"
            assert client.waits_for_an_answer(0.5)
            pipe.write(b"2")
            assert parts.next() == b"2"
            if end == "whole":
                pipe.write(b"~")
            else:
                client.reset()
            status = r"(?:200 2|499 0)"
            assert int(host.wait_for_log(rf'"POST {host.path}" {status} (\d+)ms').group(1)) >= 500
        host.mark()
    pipe.write(b"~")  # the generator may still wait for it


@pytest.mark.parametrize(("ending", "status"), [("left", 499), ("!", 400), ("late", 408), ("killed", 500)])
def test_answer_in_parts_that_is_not_whole_is_counted(begin: Begin, pipe: Pipe, ending: str, status: int) -> None:
    """Once, with what ended it: its client, an exception, its time, or the death of its worker."""
    host = begin(keepalive=1000 if ending == "late" else LONG)
    host.allow_log("in the midst|SIGKILL")
    with host.ask(pipe.body) as client:
        pipe.write(b"1")
        parts = Parts(client)
        assert parts.next() == b"1"
        if ending == "left":
            client.reset()
        elif ending == "killed":
            host.kill_worker()
        elif ending == "!":
            pipe.write(b"!")
        assert ending == "left" or parts.is_cut()
    while not (counted := json.loads(host.call(path="/api/builtin/monitor", method="GET").body)["requests"]):
        pass
    assert counted == {str(status): 1}
    pipe.write(b"~")  # a generator may still wait for it
