"""
What `eas-host autoscale` reads from its command line and from a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eas_host.cli.services.autoscale.keys import apply_words, read_file
from eas_host.errors import ConfigError
from support.command import run

WORDS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("min=2", "max=5"), {"min": 2, "max": 5, "strategies.cpu": 60}),
    (("autoscaler.max=5",), {"min": 1, "max": 5, "strategies.cpu": 60}),
    (("strategies.cpu=", "strategies.qps=10.5"), {"min": 1, "max": 3, "strategies.qps": 10.5}),
    (
        ("strategies.custom[eas_host_queue_length]=5",),
        {"min": 1, "max": 3, "strategies.cpu": 60, "strategies.custom[eas_host_queue_length]": 5},
    ),
    (("max=many",), {"min": 1, "max": "many", "strategies.cpu": 60}),
]


@pytest.mark.parametrize(("words", "keys"), WORDS, ids=[" ".join(words) for words, _ in WORDS])
def test_words_change_single_keys(words: tuple[str, ...], keys: dict[str, Any]) -> None:
    assert apply_words({"min": 1, "max": 3, "strategies.cpu": 60}, words) == keys


FILES: dict[str, Any] = {
    "object": {"min": 1, "max": 3, "strategies": {"qps": 10}},
    "dotted": {"min": 1, "max": 3, "strategies.qps": 10},
    "description": {"name": "x", "autoscaler": {"min": 1, "max": 3, "strategies": {"qps": 10}}},
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_file_has_the_object_or_a_description_with_it(tmp_path: Path, content: Any) -> None:  # noqa: ANN401  JSON
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_file(str(tmp_path / "a.json")) == {"min": 1, "max": 3, "strategies.qps": 10}


def test_misspelt_key_is_refused_with_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"-D: 'strategies\.qsp' .* did you mean strategies\.qps"):
        apply_words({}, ["strategies.qsp=3"])
    (tmp_path / "a.json").write_text('{"minimum_of_all": 1}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a\.json: 'minimum_of_all' .* expected min, max, "):
        read_file(str(tmp_path / "a.json"))


WRONG = {
    "nothing": ((), "nothing is to change"),
    "no-value": (("-D", "max"), "-D max: expected KEY=VALUE"),
    "no-file": (("-s", "missing.json"), "missing.json"),
}


@pytest.mark.parametrize(("words", "text"), WRONG.values(), ids=WRONG)
def test_wrong_argument_is_one_line_and_asks_no_cluster(tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    ended = run("autoscale", "scorer", *words, cwd=tmp_path, variables={"KUBECONFIG": str(tmp_path / "none")})
    ended.fails_in_one_line(2, text)
