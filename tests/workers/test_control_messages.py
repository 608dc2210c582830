"""
Control messages: what travels between processes, and what is none.
"""

from __future__ import annotations

import typing
from pathlib import Path

import pytest

from eas_runtime.messages import Died, Message, MessageError, PropertyPut, Stop, ThreadCount, decode, encode
from eas_runtime.record import fields_of
from support.host import StartHost

EXAMPLES: dict[object, object] = {
    int: 7,
    bool: True,
    str: 'a "text"\n\u2028',
    int | None: None,
    str | None: None,
    dict[str, str]: {"rpc.keepalive": "1"},
    tuple[int, int] | None: (1, 2),
    tuple[str, ...]: ("a.py", "b c"),
}
KINDS = [kind for kind in Message.__subclasses__() if kind is not Died]

# Writes to the control socket, the one socket that a worker inherits.
LIES = """
import os, socket, stat
import allspark

class Lies(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        for fd in range(3, 100):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, data)
            except OSError:
                pass
        return b"sent", 200
"""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_message_survives_encoding_and_decoding(kind: type[Message]) -> None:
    """Each field is set."""
    hints = typing.get_type_hints(kind)
    whole = kind(**{name: EXAMPLES[hints[name]] for name in fields_of(kind)})
    line = encode(whole)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == whole


def test_event_names_are_unique() -> None:
    assert len({kind.event for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"event": "rea', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "no known event"),
        (b'{"event": "dance"}', "no known event"),
        (b'{"event": ["ready"]}', "no known event"),
        (b'{"event": "died"}', "no known event"),  # the front alone says that
        (b'{"event": "threads"}', "threads: .*count"),
        (b'{"event": "threads", "count": "2"}', "threads: count is '2', not int"),
        (b'{"event": "threads", "count": true}', "threads: count is 'True', not int"),
        (b'{"event": "threads", "count": 2, "reads": 1}', "threads: reads is '1', not bool"),
        (b'{"event": "threads", "count": 2, "more": 3}', "threads: .*more"),
        (b'{"event": "property", "name": "a", "value": "b", "origin": 1}', "origin"),
        (b'{"event": "property", "name": "a", "value": null}', "value"),
    ],
)
def test_line_that_is_not_a_message_is_refused(line: bytes, problem: str) -> None:
    with pytest.raises(MessageError, match=problem):
        decode(line)


def test_encoded_messages_have_the_words_of_the_native_worker() -> None:
    """The native worker looks for these words."""
    assert encode(Stop()) == b'{"event": "stop"}\n'
    assert decode(b'{"event": "threads", "count": 3}') == ThreadCount(3)
    assert decode(b'{"event": "property", "name": "a", "value": "b", "origin": [1, 2]}') == PropertyPut(
        "a", "b", (1, 2)
    )


@pytest.mark.parametrize(
    "nonsense", [b"\xff\n", b'{"event": "dance"}\n', b'{"event": "threads", "count": []}\n', b"[]\n"]
)
def test_nonsense_from_a_worker_is_logged_and_ignored(start: StartHost, tmp_path: Path, nonsense: bytes) -> None:
    entry = tmp_path / "lies.py"
    entry.write_text(LIES)
    host = start("python", entry)
    assert host.call(nonsense).body == b"sent"
    host.wait_for_log("a worker has sent an invalid message")
    assert host.call(b"").body == b"sent"
