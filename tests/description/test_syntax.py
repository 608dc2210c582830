"""
JSON as people write it: which deviations are accepted, and what the message says for a file that cannot be read.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from random import Random

import pytest

from eas_host.errors import ConfigError
from support import seeded_rng
from support.build import TESTS
from support.description_reader import ServiceJson


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


# Accepted.


def test_comments_of_all_kinds_are_accepted_and_mentioned_once(service_json: ServiceJson) -> None:
    """Everywhere between tokens; in a text they are text."""
    description = service_json.read(
        '# first\n{ // second\n"name": /* third\n */ "a" # fourth\n, "model_path": "http://x/#y//z/*w*/" }# last\n'
    )
    assert description.name == "a"
    assert description.models[0].path == "http://x/#y//z/*w*/"
    assert description.notes == (f"{service_json.file}:1:1: comments are not JSON; accepted",)


def test_trailing_commas_are_accepted_and_mentioned_once(service_json: ServiceJson) -> None:
    description = service_json.read('{"models": [{"name": "a",},\n],}')
    assert description.models[0].name == "a"
    assert description.notes == (f"{service_json.file}:1:25: a comma before }} or ] is not JSON; accepted",)


def test_tab_within_a_text_is_kept_and_mentioned(service_json: ServiceJson) -> None:
    """Between tokens tabs are JSON."""
    assert service_json.read('{\t"name":\t"a"}').notes == ()
    description = service_json.read('{"model_config":\n\t"a\tb"}')
    assert description.models[0].config == "a\tb"
    assert description.notes == (f"{service_json.file}:2:2: a tab within a text is not JSON; accepted",)


def test_byte_order_mark_is_accepted_and_not_counted_in_columns(service_json: ServiceJson) -> None:
    description = service_json.read(b'\xef\xbb\xbf{"name": "a"}')
    assert description.origins == {"name": f"{service_json.file}:1:10"}
    assert description.notes == (
        f"{service_json.file}: it begins with a byte order mark, which JSON does not have; accepted",
    )


def test_windows_line_ends_are_accepted(service_json: ServiceJson) -> None:
    assert service_json.read('{\r\n"name": "a" # c\r\n}\r\n').origins == {"name": f"{service_json.file}:2:9"}


def test_valid_json_is_read_as_python_reads_it(service_json: ServiceJson) -> None:
    for seed in range(40):
        rng = seeded_rng(seed)
        value = {"labels": _value(rng, 5), "model_config": {"x": _value(rng, 5)}}
        text = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 0, 1]))
        description = service_json.read(text)
        assert json.loads(description.text) == value
        assert json.loads(description.models[0].config) == value["model_config"]


def _value(rng: Random, depth: int) -> object:
    kinds = ["text", "number", "constant"] + ["list", "object"] * (depth > 0)
    kind = rng.choice(kinds)
    if kind == "list":
        return [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == "object":
        return {f"{_text(rng)}{index}": _value(rng, depth - 1) for index in range(rng.randrange(4))}
    if kind == "number":
        return rng.choice([rng.randrange(-(10**20), 10**20), rng.uniform(-1e9, 1e9), 0, -0.0, 1e300, 5e-324])
    return _text(rng) if kind == "text" else rng.choice([True, False, None])


def _text(rng: Random) -> str:
    return "".join(rng.choice('ab"\\/\n\r#,:{}[]é\u2028😀\x7f') for _ in range(rng.randrange(6)))


# Refused.


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1', '1:8: the file ends, but the { of 1:1 is open; expected "}"'),
        ('{"a": [1,\n2', '2:2: the file ends, but the [ of 1:7 is open; expected "]"'),
        ('{"a": [1}', '1:9: found "}"; expected a value, "," or "]" (the [ of 1:7 is open)'),
        ('{"a": 1}}', '1:9: found "}"; expected the end of the file'),
        ('{"a" 1}', '1:6: found a value; expected ":"'),
        ('{"a" = 1}', '1:6: found "="; expected ":"'),
        ('{"a": }', '1:7: found "}"; expected a value'),
        ('{"a": 1,, "b": 2}', '1:9: found ","; expected a key in double quotes or "}"'),
        ("{5}", '1:3: found "}"; expected ":"'),
        ('{"a": "b\n}', '1:7: the text that begins here does not end on its line; expected a closing "'),
        ("{'a: 1}", "1:2: the text that begins here does not end on its line; expected a closing '"),
        ('{"a": /* b', "1:7: the comment that begins here does not end; expected */"),
        ('{"a": \0}', "1:7: found the character U+0000; expected a value"),
        ('{"a" "b" "c"}', '1:6: found a text; expected ":"'),
        ('{"a": 1 "b": 2}', '1:9: a comma is missing before "b"'),
        ('{"a": [1\n2]}', "2:1: a comma is missing before this value"),
        ("{'a': 1}", '1:2: the key a is in single quotes; expected "a"'),
        ("{\"a\": 'b'}", "1:7: 'b' is in single quotes; expected double quotes"),
        ("{a: 1}", '1:2: the key a is not in quotes; expected "a"'),
        ('{"a": True}', "1:7: True is not JSON; expected true"),
        ('{"a": None}', "1:7: None is not JSON; expected null"),
        ('{"a": yes}', "1:7: yes is not in quotes; expected text in double quotes, a number, true, false or null"),
        (
            '{"a": oss://b/c.zip}',
            "1:7: oss://b/c.zip is not in quotes; expected text in double quotes, a number, true, false or null",
        ),
        ('{"a": NaN}', "1:7: NaN is not a JSON number; expected a finite number"),
        ('{"a": -Infinity}', "1:7: -Infinity is not a JSON number; expected a finite number"),
        ('{"a": 1e999}', "1:7: 1e999 is too large a number; expected one below 1e308"),
        (
            '{"a": ' + "9" * 5000 + "}",
            f"1:7: {'9' * 40}... is too large a number; expected one below 1e308",
        ),
        (
            '{"a": 5ms}',
            "1:7: 5ms is not a JSON number; expected one such as 5000 or 0.5, or text in double quotes",
        ),
        (
            '{"a": "C:\\data"}',
            '1:10: \\d is not a JSON escape; expected \\\\ for a backslash, or one of \\n \\t \\" \\u0041',
        ),
        ('{"a": "\\ud800"}', "1:7: the text has one half of a surrogate pair; expected both \\u of the pair"),
        ('{"a": 1, "a": 1}', '1:10: "a" is there twice, also at 1:2; expected one of them'),
        ('{"model_config": {"b": 1,\n"b": 2}}', '2:1: "b" is there twice, also at 1:19; expected one of them'),
    ],
)
def test_one_syntax_error_is_one_line_with_place_and_expectation(
    service_json: ServiceJson, text: str, line: str
) -> None:
    assert service_json.refused(text) == [f"service.json:{line}"]


def test_syntax_errors_and_wrong_values_are_reported_together_in_order(service_json: ServiceJson) -> None:
    """The file is rather a dictionary of Python's."""
    lines = service_json.refused("{'name': 'a/b'\n 'generate_token': True,\n \"metadata.rpc.keepalive\": \"5s\"}")
    assert [line.removeprefix("service.json:").partition(": ")[0] for line in lines] == [
        "1:2",
        "1:10",
        "2:2",
        "2:2",
        "2:20",
        "3:28",
    ]


def test_syntax_errors_never_show_a_token(service_json: ServiceJson) -> None:
    """The error is in the token, or around it."""
    for text in (
        '{"token": s3cret}',
        "{\"token\": 's3cret'}",
        '{"token" "s3cret"}',
        '{"token" s3cret}',
        '{"token": "s3cret',
        '{"token": ["s3cret"]}',
        '{"token": "s3cret\\u0000"}',
        '{"token": "s3cret\\n2"}',
        '{"token": "s3cret", "token": "s3cret2"}',
        '{"rpc": {"token": s3cret}}',
    ):
        assert "s3cret" not in "\n".join(service_json.refused(text)), text


def test_deep_nesting_is_refused_without_a_stack_overflow(service_json: ServiceJson) -> None:
    for brace in ("[", '{"a":'):
        (line,) = service_json.refused('{"labels": ' + brace * 100_000)
        assert "nested more than 64 levels deep" in line
    assert service_json.read('{"labels": ' + "[" * 60 + "]" * 60 + "}").name is None


def test_at_most_50_mistakes_are_listed(service_json: ServiceJson) -> None:
    """A file that is no JSON at all does not fill the terminal."""
    text = "{" + ", ".join(f"a{index}: 1" for index in range(1000)) + "}"
    with pytest.raises(ConfigError, match=r"service\.json has 1000 mistakes") as caught:
        service_json.read(text)
    assert len(caught.value.detail.splitlines()) == 51
    assert caught.value.detail.endswith("\nand 950 more")


def test_damaged_file_gives_a_description_or_mistakes_and_never_crashes(service_json: ServiceJson) -> None:
    """Text is cut out of the file or put into it."""
    sample = (TESTS / "descriptions" / "deeprec.json").read_text(encoding="utf-8")
    for seed in range(100):
        rng = seeded_rng(seed)
        start = rng.randrange(len(sample))
        end = min(len(sample), start + rng.choice([0, 1, 1, 5, 50]))
        text = sample[:start] + rng.choice(["", "{", "}", '"', ",", "'", "/*", "\0", "\ud7ff", "["]) + sample[end:]
        with contextlib.suppress(ConfigError):
            service_json.read(text)
