"""
The rate limit: its arithmetic with a clock of the test's own, and 429 over HTTP.
"""

from __future__ import annotations

import pytest

from eas_host.cli.options import read_config
from eas_host.dispatch.rate_limit import TokenBucket
from eas_host.errors import ConfigError
from support.host import StartHost
from support.wire import request


def test_burst_of_one_seconds_requests_passes() -> None:
    """One more request does not pass."""
    rate = TokenBucket(10, 100.0)
    assert [rate.take(100.0) for _ in range(10)] == [0.0] * 10
    assert rate.take(100.0) == pytest.approx(0.1)


def test_requests_at_the_rate_always_pass() -> None:
    """Between two of them none does."""
    rate = TokenBucket(10, 0.0)
    for _ in range(10):
        rate.take(0.0)
    for turn in range(1, 1001):
        assert rate.take(turn / 10 + 1e-6) == 0.0
        assert 0 < rate.take(turn / 10 + 0.05) < 0.1


def test_bucket_holds_one_seconds_requests_after_a_quiet_hour() -> None:
    rate = TokenBucket(5, 0.0)
    assert [rate.take(3600.0) == 0.0 for _ in range(6)] == [True] * 5 + [False]


def test_refused_requests_take_no_tokens() -> None:
    """A client that asks on and on does not keep the others out; one that waits as long as it was told is let in."""
    rate = TokenBucket(1, 0.0)
    assert rate.take(0.0) == 0.0
    for turn in range(100):
        assert rate.take(turn / 100) > 0.0
    wait = rate.take(0.5)
    assert 0 < wait <= 0.5
    assert rate.take(0.5 + wait + 1e-9) == 0.0


def test_bucket_below_one_request_a_second_holds_a_whole_request() -> None:
    rate = TokenBucket(0.5, 0.0)
    assert rate.take(0.0) == 0.0
    assert rate.take(0.0) == pytest.approx(2.0)
    assert rate.take(2.1) == 0.0


def test_tokens_are_taken_while_the_clock_stands_still() -> None:
    rate = TokenBucket(1_000_000, 0.0)
    assert all(rate.take(0.0) == 0.0 for _ in range(1000))


def test_rate_limit_option_accepts_whole_numbers_from_0() -> None:
    assert read_config([], {}).rate_limit == 0
    assert read_config([], {"EAS_HOST_RATE_LIMIT": "7"}).rate_limit == 7
    for wrong in ("-1", "many", "1.5", ""):
        with pytest.raises(ConfigError, match=r"--rate-limit.*whole number"):
            read_config([f"--rate-limit={wrong}"], {})


def test_request_beyond_the_rate_answers_429_with_retry_after(start: StartHost) -> None:
    """The client keeps its connection; the host's handlers are free."""
    host = start(rate_limit=1)
    with host.connect() as client:
        client.send(request(body=b"first") + request(body=b"second"))
        assert client.read().body == b"first"
        answer = client.read()
        assert (answer.status, answer.get("Retry-After"), answer.text.count("\n")) == (429, "1", 1)
        for _ in range(5):
            assert client.call(None, "/api/builtin/ping", "GET").status == 200


def test_rate_limit_is_off_by_default(start: StartHost) -> None:
    host = start()
    with host.connect() as client:
        assert {client.call(b"x").status for _ in range(500)} == {200}
