"""
Signals to children: a process that a processor forks takes them as any process does, and the host does not notice.

However the child is forked, and wherever the processor runs: in a worker, in the host's own process, or as a program
of its own.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.host import Host, StartHost
from support.program import Program

pytestmark = pytest.mark.real_starts

STOP = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
BY_PYTHON = ("os_fork", "multiprocessing")
"""Their child is Python itself, which makes an exception of Ctrl+C."""
BY_OTHERS = ("c_fork", "subprocess", "subprocess_with_preexec")


@pytest.fixture(scope="module", params=["process", "none", "alone"])
def children(
    request: pytest.FixtureRequest, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """processors/python/children.py, started in each way."""
    entry = builder.python("children.py")
    folder = tmp_path_factory.mktemp(f"children-{request.param}") / "run"
    host: Host = (
        Program(folder, entry) if request.param == "alone" else Host(folder, entry=entry, isolation=request.param)
    )
    with host:
        host.wait_for_log("Service start successfully", "stdout")
        yield host


@pytest.mark.parametrize("number", STOP, ids=lambda number: number.name)
@pytest.mark.parametrize("how", [*BY_PYTHON, *BY_OTHERS])
def test_child_dies_of_a_stop_signal_and_the_host_serves_on(children: Host, how: str, number: signal.Signals) -> None:
    """Each signal that would end a program is tried."""
    answer = children.call(f"{how} {number:d}".encode())
    interrupted = how in BY_PYTHON and number == signal.SIGINT
    assert answer.text == ("101" if interrupted else str(-number))
    assert children.call(f"{how} {signal.SIGKILL:d}".encode()).text == str(-signal.SIGKILL)


@pytest.mark.parametrize("how", BY_PYTHON)
def test_users_signal_handler_is_inherited_by_a_child(children: Host, how: str) -> None:
    """Python forks the child."""
    assert children.call(f"{how} {signal.SIGUSR2:d}".encode()).text == "77"


def test_pool_terminate_does_not_stop_the_host(children: Host) -> None:
    """`Pool.terminate` sends signals to the processes of the pool."""
    for _ in range(3):
        assert children.call(b"pool").text == "terminated"


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_child_of_a_cpp_processor_dies_of_a_stop_signal(
    start: StartHost, builder: ProcessorBuilder, isolation: str
) -> None:
    host = start("cpp", builder.cpp("forks"), isolation=isolation)
    for number in STOP:
        assert host.call(b"%d" % number).text == str(-number)


def test_ignored_sighup_is_inherited_by_children(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Without a host it would be, too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        host = Host(tmp_path / "host", entry=builder.python("children.py"))
    finally:
        signal.signal(signal.SIGHUP, before)
    with host:
        assert host.call(b"c_fork %d" % signal.SIGHUP).text == "survived"
        assert host.call(b"c_fork %d" % signal.SIGTERM).text == str(-signal.SIGTERM)
