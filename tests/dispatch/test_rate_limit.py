"""
How many requests a second are let in: the arithmetic with a clock of the test's own, and 429 over the wire.
"""

from __future__ import annotations

import pytest

from eas_host.cli.options import read_config
from eas_host.dispatch.rate_limit import TokenBucket
from eas_host.errors import ConfigError
from support.host import StartHost
from support.wire import request


def test_a_second_at_once() -> None:
    """One second's worth passes at once, and no more."""
    rate = TokenBucket(10, 100.0)
    assert [rate.take(100.0) for _ in range(10)] == [0.0] * 10
    assert rate.take(100.0) == pytest.approx(0.1)


def test_it_fills_steadily() -> None:
    """Those who come as often as they may are let in for ever; between two of them nobody is."""
    rate = TokenBucket(10, 0.0)
    for _ in range(10):
        rate.take(0.0)
    for turn in range(1, 1001):
        assert rate.take(turn / 10 + 1e-6) == 0.0
        assert 0 < rate.take(turn / 10 + 0.05) < 0.1


def test_it_holds_one_second_only() -> None:
    """A quiet hour is no reason to let an hour's worth in."""
    rate = TokenBucket(5, 0.0)
    assert [rate.take(3600.0) == 0.0 for _ in range(6)] == [True] * 5 + [False]


def test_refused_requests_take_nothing() -> None:
    """Who knocks on and on does not keep the others out; who waits as long as told is let in."""
    rate = TokenBucket(1, 0.0)
    assert rate.take(0.0) == 0.0
    for turn in range(100):
        assert rate.take(turn / 100) > 0.0
    wait = rate.take(0.5)
    assert 0 < wait <= 0.5
    assert rate.take(0.5 + wait + 1e-9) == 0.0


def test_less_than_one_a_second() -> None:
    """The bucket holds a whole request all the same."""
    rate = TokenBucket(0.5, 0.0)
    assert rate.take(0.0) == 0.0
    assert rate.take(0.0) == pytest.approx(2.0)
    assert rate.take(2.1) == 0.0


def test_clock_that_stands_still() -> None:
    rate = TokenBucket(1_000_000, 0.0)
    assert all(rate.take(0.0) == 0.0 for _ in range(1000))


def test_option() -> None:
    assert read_config([], {}).rate_limit == 0
    assert read_config([], {"EAS_HOST_RATE_LIMIT": "7"}).rate_limit == 7
    for wrong in ("-1", "many", "1.5", ""):
        with pytest.raises(ConfigError, match=r"--rate-limit.*whole number"):
            read_config([f"--rate-limit={wrong}"], {})


def test_over_the_wire(start: StartHost) -> None:
    """The second of two at once is told when to come back, and keeps its connection; the host's handlers are free."""
    host = start(rate_limit=1)
    with host.connect() as client:
        client.send(request(body=b"first") + request(body=b"second"))
        assert client.read().body == b"first"
        answer = client.read()
        assert (answer.status, answer.get("Retry-After"), answer.text.count("\n")) == (429, "1", 1)
        for _ in range(5):
            assert client.call(None, "/api/builtin/ping", "GET").status == 200


def test_off_by_default(start: StartHost) -> None:
    host = start()
    with host.connect() as client:
        assert {client.call(b"x").status for _ in range(500)} == {200}
