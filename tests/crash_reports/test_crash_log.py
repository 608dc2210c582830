"""
What is said of a crash: to the client of the request that caused it, and in the log.
"""

from __future__ import annotations

import json
import re

from support.host import Host, StartHost
from support.wire import Response, command, request

FRAME = re.compile(r"^ +at .*contract\.cc:\d+", re.MULTILINE)
CRASH = r"crash (\w{8})"


def crash(host: Host, *headers: tuple[str, str], how: str = "segv") -> Response:
    """The answer to a request that crashes its worker."""
    with host.connect() as client:
        return client.send(request(body=command("die", how), headers=headers)).read()


def number_in(text: str) -> str:
    found = re.search(CRASH, text)
    assert found, text
    return found[1]


def test_answer_has_the_number_of_the_entry_in_the_log(start: StartHost) -> None:
    """The entry has the request, its number, the worker's process, the cause, and the frames."""
    host = start()
    pid = host.workers()[0]
    answer = crash(host, ("X-Request-Id", "r-17"))
    number = number_in(answer.text)
    entry = host.expect_log(rf"crash {number}, process {pid}\)").string
    assert "SIGSEGV" in entry
    assert "while it ran POST /api/predict/contract (" in entry
    assert "bytes from 127.0.0.1, request 'r-17')" in entry
    host.wait_for_log(FRAME.pattern)


def test_frames_are_for_clients_on_this_machine(start: StartHost) -> None:
    """Whoever comes by way of a proxy gets the sentence alone."""
    host = start()
    host.allow_log("SIGSEGV")
    assert FRAME.search(crash(host).text)
    for name in ("Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"):
        answer = crash(host, (name, "192.0.2.7"))
        assert len(answer.text.splitlines()) == 1, answer.text
        assert number_in(answer.text)


def test_verbose_errors_are_for_all_clients(start: StartHost) -> None:
    host = start(verbose_errors=True)
    host.allow_log("SIGSEGV")
    assert FRAME.search(crash(host, ("X-Forwarded-For", "192.0.2.7")).text)


def test_same_crash_again_is_counted(start: StartHost) -> None:
    """Frames are written once; the lines after that say how many crashes there were, whenever they came."""
    host = start()
    host.allow_log("SIGSEGV")
    first, *others = (number_in(crash(host).text) for _ in range(5))
    assert len({first, *others}) == 5
    host.wait_for_log(rf"crash {first}\b.*, 5 in all")
    assert len(FRAME.findall(host.log.text())) == len(FRAME.findall(crash(host).text))


def test_another_crash_is_written_with_its_own_frames(start: StartHost) -> None:
    host = start()
    host.allow_log("SIG")
    crash(host)
    number = number_in(crash(host, how="abort").text)
    host.wait_for_log(rf"SIGABRT.*crash {number}")
    host.wait_for_log(r"^ +at Die \(.*contract\.cc:\d+", times=2)


def test_crash_beside_another_call_says_how_to_tell_a_data_race(start: StartHost) -> None:
    """Nothing shows the race itself; a call that ran alone is no such case."""
    host = start(worker_threads=2)
    host.allow_log("SIG")
    crash(host, how="abort")
    with host.ask(command("meet", "2:race")) as other:
        while not json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["busy_workers"]:
            pass
        answer = crash(host)
        assert host.call(command("meet", "2:race")).body == b"met"
        assert other.read().body == b"met"
    hint = "2 calls ran at once in this process: if it never crashes with --worker-threads 1, the processor is not"
    host.wait_for_log(rf"^ +{hint} thread-safe$")
    assert host.new_log().count("ran at once") == 1
    assert "ran at once" not in answer.text
