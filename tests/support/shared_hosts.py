"""
Hosts that the tests of a module share, where it says `pytestmark = pytest.mark.shared_hosts`: starting one takes longer
than most tests do.

`start` then gives a test a host that runs already, if there is one with the same language, options and environment
that no earlier test has changed: its processes are those that it began with, its properties have the values that they
had, there is no new file, nobody is connected, nothing is under way, and no test has announced an error. A host that
was changed, or whose test failed, is stopped after that test; all are held to what `Host` holds each one to.

The log of a shared host begins with the test that has it. At the end of each test the processor prints a line, and
what the test has caused is in the log before that: an error is found in the test that caused it.

What this cannot see are counts, what was logged once, and memory. A test for which it matters what its host has done
before says `@pytest.mark.own_hosts`, and so does one about a worker's or a host's start, or about its files.
"""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support.host import Host, Value, clean_environment
from support.wire import Address, command, request

SHARED = "shared_hosts"
OWN = "own_hosts"
MOST_IDLE = 6
"""Each has a worker, and perhaps a JVM, that waits in memory. The one that has waited longest is stopped."""
_TURNS = 5
"""Closing a connection takes the loop of the host a few turns, and each answer takes one."""

_passed = pytest.StashKey[bool]()


def add_markers(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{SHARED}: `start` gives tests hosts that other tests of the module had")
    config.addinivalue_line("markers", f"{OWN}: not to this test of such a module")


def note_outcome(item: pytest.Item, report: pytest.TestReport) -> None:
    """Remembers whether the test *item* has passed, for when its fixtures end."""
    if report.when == "call":
        item.stash[_passed] = report.passed


def has_passed(item: pytest.Item) -> bool:
    return item.stash.get(_passed, False)


def shares(item: pytest.Item) -> bool:
    """Whether the test *item* may have hosts that others had."""
    return item.get_closest_marker(SHARED) is not None and item.get_closest_marker(OWN) is None


def _state(host: Host, token: str | None) -> _State | None:
    """What *host* is like, once it has seen the end of closed connections; None if something is under way."""
    headers = [("Authorization", token)] if token else []
    with host.connect() as client:
        for _ in range(_TURNS):
            counters = client.send(request("GET", "/api/builtin/monitor", headers=headers)).read("GET")
        properties = client.send(request("GET", "/api/builtin/prop", headers=headers)).read("GET")
    if (counters.status, properties.status) != (200, 200) or not _is_idle(json.loads(counters.body)):
        return None
    processes = frozenset(host.processes())
    return _State(host.address, host.workers(), processes, host.files(), json.loads(properties.body))


def _log_all(host: Host, token: str | None) -> None:
    """Waits until all that was caused before this call is in the log: what the processor prints comes behind it."""
    headers = [("Authorization", token)] if token else []
    word = uuid.uuid4().hex
    with host.connect() as client:
        assert client.send(request("POST", host.path, command("print", word), headers)).read().body == b"printed"
    host.log.wait(f"out {word}")
    host.log.wait(f"err {word}")


def _is_idle(counters: dict[str, object]) -> bool:
    """Whether nobody is connected but who asks for these *counters* of a host, and nothing is under way."""
    expected = {"ready": True, "queue_length": 0, "busy_workers": 0, "connections": 1}
    return expected.items() <= counters.items()


@dataclass(frozen=True)
class _State:
    """What a test may change of a host, and the next one would notice."""

    address: Address
    workers: list[int]
    processes: frozenset[int]
    files: list[Path]
    properties: object

    def is_as(self, first: _State) -> bool:
        """Whether all is as it was *first*, but for children that a start needs and that have ended since."""
        return self.processes <= first.processes and replace(self, processes=first.processes) == first


@dataclass(frozen=True)
class _Shared:
    """
    Attributes:
        key: equal for two hosts of which a test may have either.
        first: what the host was like when it had started; None where it does not tell.
    """

    key: tuple[str, str]
    host: Host
    token: str | None
    first: _State | None


class SharedHosts:
    """The hosts of one module, in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._lent: list[_Shared] = []
        self._idle: list[_Shared] = []

    def take(self, options: dict[str, Value]) -> Host:
        """A host with *options* that nobody has, from now on until `give_back`."""
        environment = {key: value for key, value in clean_environment().items() if key != "PYTEST_CURRENT_TEST"}
        key = (repr(sorted(options.items())), repr(sorted(environment.items())))
        shared = next((one for one in self._idle if one.key == key), None)
        if shared is None:
            shared = self._start(key, options)
            self._lent.append(shared)
        else:
            self._idle.remove(shared)
            self._lent.append(shared)
            shared.host.begin_anew()
        return shared.host

    def _start(self, key: tuple[str, str], options: dict[str, Value]) -> _Shared:
        self._started += 1
        token = str(options["token"]) if "token" in options else None
        with ExitStack() as starting:
            host = starting.enter_context(Host(self._folder / f"host-{self._started}", **options))
            first = _state(host, token)
            starting.pop_all()
        return _Shared(key, host, token, first)

    def give_back(self, *, passed: bool) -> None:
        """Takes all hosts back from a test, and stops those that no other may have."""
        with ExitStack() as ending:
            while self._lent:
                ending.callback(self._take_back, self._lent.pop(0), passed=passed)

    def _take_back(self, shared: _Shared, *, passed: bool) -> None:
        with ExitStack() as ending:
            ending.push(shared.host)
            if passed and self._is_unchanged(shared):
                _log_all(shared.host, shared.token)
                shared.host.check_log()
                ending.pop_all()
                self._idle.append(shared)
        if len(self._idle) > MOST_IDLE:
            self._idle.pop(0).host.__exit__(None)

    def _is_unchanged(self, shared: _Shared) -> bool:
        """Whether the next test would find the host as the first one has."""
        host = shared.host
        if shared.first is None or host.process.poll() is not None or host.has_announced():
            return False
        state = _state(host, shared.token)
        return state is not None and state.is_as(shared.first)

    def close(self) -> None:
        """Stops all of them."""
        with ExitStack() as ending:
            for shared in self._idle:
                ending.push(shared.host)
