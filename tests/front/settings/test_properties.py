"""
Properties: which values they take, and which source wins. That a new value acts at once on the host that is running is
in test_properties_over_http.py.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from eas_host.config import HostConfig
from eas_host.front.settings.default_headers import read_headers
from eas_host.front.settings.properties import MAX_PROPERTIES, Properties, Source, read
from eas_runtime.messages import Message, PropertyPut

# What is a value.


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("rpc.keepalive", "10000", 10000),
        ("rpc.keepalive", " 10000 ", 10000),
        ("rpc.keepalive", "10000.0", 10000),
        ("rpc.keepalive", "1", 1),
        ("rpc.max_queue_size", "100000", 100_000),
        ("rpc.worker_threads", "5", 5),
        ("rpc.rate_limit", "0", 0),
        ("rpc.decompressor", "gzip", "gzip"),
        ("rpc.decompressor", "none", None),
        ("rpc.token", "fOURsOg=", "fOURsOg="),
        ("rpc.http.default_headers", "", ()),
        ("model.ready", "1", True),
        ("model.ready", " True ", True),
        ("model.ready", "0", False),
        ("model.ready", "false", False),
        ("model.ready", "no", False),
        ("users.own", " any text\r\n", " any text\r\n"),
        ("users.own", "", ""),
    ],
)
def test_property_text_is_read_as_its_value(name: str, text: str, meant: object) -> None:
    assert read(name, text) == meant


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rpc.keepalive", "", "whole number from 1 to"),
        ("rpc.keepalive", "ten seconds", "'ten seconds' is wrong: expected a whole number from 1 to"),
        ("rpc.keepalive", "0", "from 1 to"),
        ("rpc.keepalive", "-5000", "from 1 to"),
        ("rpc.keepalive", "10.5", "from 1 to"),
        ("rpc.keepalive", "1e4", "from 1 to"),
        ("rpc.keepalive", "86400001", "from 1 to 86400000"),
        ("rpc.keepalive", "9" * 10_000, "from 1 to"),
        ("rpc.max_queue_size", "0", "from 1 to 100000"),
        ("rpc.worker_threads", "4096", "from 1 to 4095"),
        ("rpc.rate_limit", "-1", "from 0 to"),
        ("rpc.decompressor", "rar", "gzip"),
        ("rpc.token", " ", "expected a token"),
        ("rpc.token", "a\r\nb", "expected a token"),
        ("model.ready", "", "expected 1 or 0"),
        ("model.ready", "perhaps", "expected 1 or 0"),
        ("users.own", "x" * 65537, "65536"),
        ("", "1", "printable"),
        ("x" * 257, "1", "1 to 256"),
        ("a\nb", "1", "printable"),
    ],
)
def test_wrong_property_value_is_refused_with_what_is_expected(name: str, text: str, expected: str) -> None:
    """The message is one line that names the property."""
    with pytest.raises(ValueError, match="expected") as raised:
        read(name, text)
    assert expected in str(raised.value)
    assert name[:50].partition("\n")[0] in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_wrong_token_is_not_repeated_in_the_message() -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        read("rpc.token", "se\ncret")
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Content-Type: text/html; charset=utf-8", (("Content-Type", "text/html; charset=utf-8"),)),
        ("X-A: 1\r\nX-B:2\n\n  X-C :\t3\t\r\n", (("X-A", "1"), ("X-B", "2"), ("X-C", "3"))),
        ("X-Time: 12:30:00", (("X-Time", "12:30:00"),)),
        ("Link: a\nLink: b", (("Link", "a"), ("Link", "b"))),
        ('{"X-A": "1", "X-B": 2}', (("X-A", "1"), ("X-B", "2"))),
        (" {}", ()),
        ("\r\n", ()),
    ],
)
def test_default_headers_are_read_from_lines_or_json(text: str, headers: object) -> None:
    assert read_headers(text) == headers


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no header", "is no header"),
        (": value", "no header's name"),
        ("X A: 1", "no header's name"),
        ("X-A: 1\rX-B: 2", "X-A: expected printable ASCII"),
        ("X-A: 1\x0bX-B: 2", "X-A: expected printable ASCII"),
        ("X-A: 1\x85X-B: 2", "X-A: expected printable ASCII"),
        ("X-A: \x00", "X-A: expected printable ASCII"),
        ("X-A:", "X-A: expected printable ASCII"),
        ("Content-Length: 5", "the host's own"),
        ("transfer-encoding: chunked", "the host's own"),
        ("Connection: close", "the host's own"),
        ("Date: now", "the host's own"),
        ("Content-Type: a/b\ncontent-type: c/d", "two Content-Type"),
        ('{"X-A": "1\\r\\nX-B: 2"}', "X-A: expected printable ASCII"),
        ('{"X-A\\r\\nX-B": "2"}', "no header's name"),
        ('{"X-A": [1]}', "X-A: expected a text"),
        ('{"X-A": true}', "X-A: expected a text"),
        ('{"X-A": ', "no JSON"),
        ("{" + "[" * 100_000, "no JSON"),
        ("X-A: " + "x" * 9000, "at most"),
        ("X-A: 1\n" * 65, "at most"),
    ],
)
def test_unsafe_default_headers_are_refused(text: str, problem: str) -> None:
    """Nothing gets through that ends a line, or that says where an answer ends."""
    with pytest.raises(ValueError, match=problem):
        read_headers(text)


# Who wins.


class RecordingProperties:
    """Properties that keep their messages to the workers, and their new deadlines, in lists."""

    def __init__(self, *given: str) -> None:
        self.messages: list[tuple[str, str]] = []
        self.keepalives: list[int] = []
        config = replace(HostConfig(), keepalive=7000, explicit=frozenset(given))
        self.properties = Properties(config, self.send)
        self.properties.on("rpc.keepalive", self.keepalives.append)

    def send(self, message: Message) -> None:
        assert isinstance(message, PropertyPut)
        self.messages.append((message.name, message.value))


def test_program_sets_a_property_that_no_option_gave() -> None:
    """The value is applied, and the workers are told once for as many workers as put it."""
    recorded = RecordingProperties("max_queue_size")
    for _ in range(3):
        recorded.properties.put("rpc.keepalive", "100000", Source.LOADING)
    assert (recorded.properties.get("rpc.keepalive"), recorded.keepalives) == ("100000", [100_000])
    assert recorded.messages == [("rpc.keepalive", "100000")]


def test_option_wins_over_a_program_that_loads(caplog: pytest.LogCaptureFixture) -> None:
    """One line says so, however many workers load it; the program learns what counts when it is ready."""
    recorded = RecordingProperties("keepalive")
    with caplog.at_level(logging.INFO, "eas_host"):
        for _ in range(3):
            recorded.properties.put("rpc.keepalive", "100000", Source.LOADING)
    assert (recorded.properties.get("rpc.keepalive"), recorded.keepalives, recorded.messages) == ("7000", [], [])
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "rpc.keepalive: '100000'" in caplog.text
    assert "'7000' was given" in caplog.text
    recorded.properties.rebroadcast()
    assert recorded.messages == [("rpc.keepalive", "7000")]


def test_newest_value_wins_after_loading() -> None:
    recorded = RecordingProperties("keepalive")
    recorded.properties.put("rpc.keepalive", "1000", Source.RUNNING)
    recorded.properties.put_all({"rpc.keepalive": "2000"}, Source.OPERATOR)
    recorded.properties.put("rpc.keepalive", "3000", Source.RUNNING)
    assert recorded.keepalives == [1000, 2000, 3000]


@pytest.mark.parametrize("source", [Source.RUNNING, Source.OPERATOR])
def test_replaced_worker_does_not_undo_later_values(source: Source) -> None:
    """The worker loads the same program again, which puts what it always puts; then it is told what counts now."""
    recorded = RecordingProperties()
    recorded.properties.put("rpc.keepalive", "1000", Source.LOADING)
    recorded.properties.put_all({"rpc.keepalive": "2000", "users.own": "new"}, source)
    recorded.messages.clear()
    recorded.properties.put("rpc.keepalive", "1000", Source.LOADING)
    recorded.properties.put("users.own", "old", Source.LOADING)
    assert recorded.properties.get("rpc.keepalive") == "2000"
    recorded.properties.rebroadcast()
    assert recorded.messages == [("rpc.keepalive", "2000"), ("users.own", "new")]


def test_wrong_value_of_a_program_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    recorded = RecordingProperties()
    with caplog.at_level(logging.INFO, "eas_host"):
        recorded.properties.put("rpc.keepalive", "5 s", Source.LOADING)
    assert (recorded.properties.get("rpc.keepalive"), recorded.keepalives, recorded.messages) == ("7000", [], [])
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    for word in ("rpc.keepalive", "'5 s'", "expected a whole number"):
        assert word in record.getMessage()


def test_number_of_properties_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A program that makes up names costs no memory for ever; those that are there still change."""
    recorded = RecordingProperties()
    for number in range(2 * MAX_PROPERTIES):
        recorded.properties.put(f"name.{number}", "1", Source.RUNNING)
    assert len(recorded.properties.shown()) == MAX_PROPERTIES
    recorded.properties.put("name.0", "2", Source.RUNNING)
    assert recorded.properties.get("name.0") == "2"
    assert str(MAX_PROPERTIES) in caplog.text
