"""
--explain: each answer of a processor says how it came about.
"""

from __future__ import annotations

import re

import pytest

from support.columns import columns
from support.host import Host, StartHost
from support.wire import Client, Response, command, request

HOST_OPTIONS = {"explain": True, "worker_threads": 2}
NAMES = ("X-Processor-Status", "X-Processor-Worker", "Server-Timing")
TIMES = r"queue;dur=\d+\.\d{3}, call;dur=(\d+\.\d{3})"


def explained(answer: Response) -> list[str]:
    """The values of the three headers, as far as they are there."""
    return [value for value in map(answer.get, NAMES) if value is not None]


def test_answer_names_status_worker_and_times(host: Host) -> None:
    """Each request anew, also on a connection whose head the host knows by now."""
    with host.connect() as client:
        for _ in range(3):
            status, worker, times = explained(client.call(b"hello", host.path, "POST"))
            assert (status, worker) == ("200", "0")
            assert re.fullmatch(TIMES, times)


@columns("cpp", "python")
@pytest.mark.parametrize(("code", "shown"), [(0, "200"), (404, "404"), (-1, "-1 -> 400"), (1000, "1000 -> 400")])
def test_code_that_became_another_status_is_shown(host: Host, code: int, shown: str) -> None:
    assert explained(host.call(command("status", f"{code}:text")))[0] == shown


def test_exception_is_told_from_a_status_of_400(host: Host) -> None:
    host.allow_log("")
    assert explained(host.call(command("throw", "why")))[0] == "exception -> 400"


@columns("cpp")
def test_bad_output_is_explained_too(host: Host) -> None:
    host.allow_log("")
    answer = host.call(command("negative"))
    assert (answer.status, explained(answer)[:2]) == (500, ["bad output -> 500", "0"])


@columns("cpp")
def test_every_form_of_an_answer_has_them(host: Host) -> None:
    """Of HTTP/1.0, for another origin's page, and without a body."""
    for line, more in (("HTTP/1.0", ""), ("HTTP/1.1", "Origin: http://elsewhere\r\nHost: x\r\n")):
        with Client(host.address) as client:
            head = f"POST {host.path} {line}\r\n{more}Content-Length: 2\r\n\r\nhi"
            assert len(explained(client.send(head.encode()).read())) == len(NAMES)
    with host.connect() as client:
        assert len(explained(client.send(request("HEAD", host.path, b"")).read("HEAD"))) == len(NAMES)


def test_answers_have_none_without_the_option(start: StartHost) -> None:
    assert explained(start().call(b"hello")) == []
