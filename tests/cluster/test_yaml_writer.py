"""
Whatever is written as YAML is read back unchanged, by a reader of YAML 1.1.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

from eas_host.cluster.yaml_writer import write_documents

OTHER_TYPES = [
    *("yes", "No", "ON", "off", "y", "N", "true", "False", "null", "Null", "~", "", " ", "1", "-1", "+1", "1.5", ".5"),
    *("1e3", "1_000", "0x10", "0b1", "0o7", "017", "12:30:45", "190:20:30", "2026-01-31", "2026-01-31T10:00:00Z"),
    *(".inf", "-.inf", ".nan", "=", "<<", "!tag", "&a", "*a", "@x", "`x", "%x", "? x", "- x", "-", "--", "---", "..."),
    *("[a]", "{a}", "a: b", "a:", ": a", "a #b", "#a", "'a'", '"a"', "|", ">", "a, b", "\\", "$(A)", "100%", "a:b"),
]
TEXTS = [
    *("\n", "\n\n", "a\n", "a\nb", "a\nb\n", "a\nb\n\n", "\na\nb\n", " a\nb\n", "a\n b\n", "a\n\nb\n", "a \nb\t\n"),
    *("a\r\nb\r\n", "a\rb\n", "\ta\nb\n", "---\nkind: Pod\n", "a\n---\nkind: Pod\n", "...\n---\n", "a\n  \nb\n"),
    *("\0", "\x07", "\x1b[0m", "\x7f", "\x85", "a\x85b\nc\n", "\u2028", "a\u2028\nb\n", "\ufeff", "\ufeffa\nb\n"),
    *("\ufffe", "é", "模型", "\U0001f600", "a\U0001f600\nb\n", "\u202e", "\xa0", "a\xa0\nb\n"),
    *("x" * 5000, "x y " * 2000),
]


@pytest.mark.parametrize("text", [*OTHER_TYPES, *TEXTS], ids=lambda text: ascii(text)[:30])
def test_text_stays_a_text(text: str) -> None:
    """As a value, in a list, as a key, and nested, where each line is indented."""
    value = {"value": text, "list": [text, [text]], "deep": [{"a": {"b": text}}, text], "after": 1}
    assert yaml.safe_load(write_documents([value])) == value
    if 0 < len(text) < 1000:
        assert yaml.safe_load(write_documents([{text: {text: 1}}])) == {text: {text: 1}}


def test_other_values_keep_their_types() -> None:
    value: dict[str, Any] = {
        "a": None,
        "b": True,
        "c": False,
        "d": 0,
        "e": -7,
        "f": [],
        "g": {},
        "h": [[], {}, [[1]], {"x": []}],
    }
    assert yaml.safe_load(write_documents([value])) == value


def test_a_float_is_refused() -> None:
    """Quantities of Kubernetes are texts; what Go would make of a float nobody says."""
    with pytest.raises(TypeError, match="float"):
        write_documents([{"a": 0.5}])


def test_a_key_that_yaml_reads_only_in_another_form_is_refused() -> None:
    """No key of an object in Kubernetes is so long."""
    with pytest.raises(ValueError, match="1024"):
        write_documents([{"x" * 1025: 1}])


def test_documents_are_separate_and_in_order() -> None:
    documents: list[dict[str, Any]] = [{"a": "x\n---\ny\n"}, {"b": ["---", "..."]}, {"c": "---\n...\n"}]
    assert list(yaml.safe_load_all(write_documents(documents))) == documents


def test_random_objects_come_back() -> None:
    """Seeded, so that a failure can be repeated."""
    seeded = random.Random(20261201)  # noqa: S311  no secret
    letters = "ab01 \n\t:#-'\"|>{}[],&*!%@`?~\\/=.\r\x85\u2028é模\U0001f600"

    def text() -> str:
        return "".join(seeded.choices(letters, k=seeded.randrange(12)))

    def value(depth: int) -> Any:  # noqa: ANN401  any JSON
        kind = seeded.randrange(8 if depth < 4 else 5)
        if kind < 3:
            return text()
        if kind < 5:
            return seeded.choice([None, True, False, seeded.randrange(-5, 5)])
        size = seeded.randrange(4)
        return [value(depth + 1) for _ in range(size)] if kind == 5 else {text(): value(depth + 1) for _ in range(size)}

    for _ in range(1000):
        made = {"top": value(0), text(): value(0)}
        assert yaml.safe_load(write_documents([made])) == made
