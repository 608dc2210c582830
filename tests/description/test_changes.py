"""
Files with some keys of a description, as `eas-host modify -s` takes them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.description.changes import read_changes, to_overrides
from eas_host.errors import ConfigError


def changes(folder: Path, text: str) -> list[str]:
    file = folder / "changes.json"
    file.write_text(text, encoding="utf-8")
    return to_overrides(read_changes(file))


def test_settings_are_merged_and_other_objects_are_values(tmp_path: Path) -> None:
    """With comments, and keys of labels that have dots, as people write them."""
    text = """{
        "metadata": {"instance": 3, "rpc": {"keepalive": 9000}},  // more
        "metadata.cpu": 2,
        "model_config": {"a": {"b": 1}},
        "labels": {"example.com/team": "x"},
        "model_path": "https://example.com/007"
    }"""
    assert changes(tmp_path, text) == [
        "metadata.instance=3",
        "metadata.rpc.keepalive=9000",
        "metadata.cpu=2",
        'model_config={"a": {"b": 1}}',
        'labels={"example.com/team": "x"}',
        'model_path="https://example.com/007"',
    ]


@pytest.mark.parametrize("text", ['{"metadata": {}}', '{"metadata": {"rpc": {}}, "runtime": {}, "autoscaler": {}}'])
def test_empty_object_of_settings_changes_nothing(tmp_path: Path, text: str) -> None:
    """It names no key; null is for what is to go."""
    assert changes(tmp_path, text) == []


def test_null_removes_a_key(tmp_path: Path) -> None:
    assert changes(tmp_path, '{"autoscaler": null}') == ["autoscaler="]


@pytest.mark.parametrize(("text", "found"), [("[1]", "expected the keys to change"), ("{", "changes.json:1")])
def test_what_has_no_keys_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(ConfigError) as error:
        changes(tmp_path, text)
    assert found in f"{error.value.detail}{error.value}"
