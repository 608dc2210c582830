"""
A host that several tests have, one after the other, is to each what a new one would be; one that a test has changed is
not handed out again (tests/support/shared_hosts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.host import Host, Value
from support.planes import put
from support.shared_hosts import SharedHosts
from support.wire import command

Take = Callable[..., Host]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[SharedHosts]:
    made = SharedHosts(tmp_path)
    yield made
    made.close()


@pytest.fixture
def take(hosts: SharedHosts, builder: ProcessorBuilder) -> Take:
    def make(**options: Value) -> Host:
        return hosts.take({"entry": builder.contract("cpp"), "processor_type": "cpp", **options})

    return make


def test_next_test_has_the_same_host_and_a_log_of_its_own(hosts: SharedHosts, take: Take) -> None:
    """Where a test wants two, or one with other options, it gets another."""
    options = {"token": "word"}
    first, second = take(**options), take(**options)
    assert first is not second
    assert first.call(command("print", "x")).status == 401
    hosts.give_back(passed=True)
    assert {take(**options), take(**options)} == {first, second}
    assert first.log.since() == second.log.since() == []
    assert take() not in {first, second}
    hosts.give_back(passed=True)


def change_a_property(host: Host, _: ExitStack) -> None:
    put(host, "rpc.keepalive", "70000")


def announce_an_error(host: Host, _: ExitStack) -> None:
    host.allow_log("none comes")


def stay_connected(host: Host, left: ExitStack) -> None:
    left.enter_context(host.connect()).call(b"x")


def stop(host: Host, _: ExitStack) -> None:
    host.stop()


@pytest.mark.parametrize("change", [change_a_property, announce_an_error, stay_connected, stop])
def test_host_that_a_test_has_changed_is_stopped(
    hosts: SharedHosts, take: Take, change: Callable[[Host, ExitStack], None]
) -> None:
    host = take()
    with ExitStack() as left:
        change(host, left)
        hosts.give_back(passed=True)
    assert host.process.poll() == 0


def test_host_whose_test_failed_is_stopped(hosts: SharedHosts, take: Take) -> None:
    host = take()
    hosts.give_back(passed=False)
    assert host.process.poll() == 0


def throw(host: Host) -> None:
    assert host.call(command("throw", "because")).status == 400


def kill_a_worker(host: Host) -> None:
    host.kill_worker()


def leave_a_file(host: Host) -> None:
    (host.folder / "cwd" / "file").touch()


@pytest.mark.parametrize(
    ("cause", "found"),
    [
        (throw, r"unannounced in the log:\n.*because"),
        (kill_a_worker, r"unannounced in the log:\n.*SIGKILL"),
        (leave_a_file, "left behind: .*cwd/file"),
    ],
)
def test_error_is_found_at_the_end_of_the_test_that_caused_it(
    hosts: SharedHosts, take: Take, cause: Callable[[Host], None], found: str
) -> None:
    """Also where another host is in order, which the next test gets."""
    wrong, right = take(), take()
    cause(wrong)
    with pytest.raises(AssertionError, match=found):
        hosts.give_back(passed=True)
    assert wrong.process.poll() is not None
    assert take() is right
    hosts.give_back(passed=True)
