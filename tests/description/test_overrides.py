"""
`-D key=value` changes a description before it is checked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eas_host.description import read
from support.description_reader import ServiceJson

SAMPLE: dict[str, Any] = {
    "name": "a",
    "metadata": {"rpc.keepalive": 5000, "workers": 2},
    "models": [{"name": "m", "model_path": "old"}, {"name": "n"}],
}


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


@pytest.mark.parametrize("key", ["metadata.rpc.keepalive", "rpc.keepalive"])
def test_override_replaces_every_writing_of_a_key(service_json: ServiceJson, key: str) -> None:
    """The file and the command line may write the key in different ways."""
    description = service_json.read(SAMPLE, f"{key}=10000")
    assert description.options["keepalive"] == 10000
    assert description.origins["metadata.rpc.keepalive"] == f"-D {key}"
    assert json.loads(description.text)["metadata"] == {"workers": 2, "rpc": {"keepalive": 10000}}


def test_override_without_a_value_removes_the_key(service_json: ServiceJson) -> None:
    """The default is back."""
    description = service_json.read(SAMPLE, "metadata.rpc.keepalive=", "metadata.rpc.worker_threads=", "name=")
    assert description.options == {}
    assert json.loads(description.text)["metadata"] == {}


def test_override_replaces_a_whole_section(service_json: ServiceJson) -> None:
    description = service_json.read(SAMPLE, 'metadata={"rpc": {"rate_limit": 7}}')
    assert description.options == {"name": "a", "rate_limit": 7}


def test_override_addresses_list_entries_by_index(service_json: ServiceJson) -> None:
    """An override replaces one key of an entry, replaces the entry, or removes it."""
    description = service_json.read(SAMPLE, "models[0].model_path=new", 'models[1]={"name": "k"}')
    assert [(model.name, model.path) for model in description.models] == [("m", "new"), ("k", "")]
    assert description.origins["models[0].model_path"] == "-D models[0].model_path"
    assert [model.name for model in service_json.read(SAMPLE, "models[0]=").models] == ["n"]


def test_override_value_is_json_or_text(service_json: ServiceJson) -> None:
    """JSON where it is JSON, and text where it is not or where text is wanted."""
    description = service_json.read(
        {},
        "name=123",
        "token=007",
        "generate_token=true",
        'model_config={"a": [1, "x"]}',
        "processor_envs.HOME=/x=y",
        "processor_envs.N=1",
        'model_path="quoted"',
        "model_entry=a # b",
        "processor_path=NaN",
        "labels=1e999",
    )
    assert (description.name, description.options["token"]) == ("123", "007")
    assert description.models[0].config == '{"a": [1, "x"]}'
    assert (description.models[0].path, description.models[0].entry) == ("quoted", "a # b")
    assert description.models[0].processor.path == "NaN"
    assert description.environment == {"HOME": "/x=y", "N": "1"}
    assert json.loads(description.text)["labels"] == "1e999"


def test_last_override_of_a_key_counts(service_json: ServiceJson) -> None:
    assert service_json.read(SAMPLE, "name=x", "metadata.name=y").name == "y"


def test_mistake_that_is_overridden_is_not_reported(service_json: ServiceJson) -> None:
    """The value, an unknown key, a key that is there twice."""
    text = '{"name": 5, "nmae": "x", "metadata.rpc.keepalive": "5s", "rpc.keepalive": "6s", "token": "a", "token": "b"}'
    assert len(service_json.refused(text)) == 5
    description = service_json.read(text, "name=x", "nmae=", "rpc.keepalive=5", "token=c")
    assert description.options == {"name": "x", "keepalive": 5, "token": "c"}


def test_override_of_an_ignored_key_is_noted(service_json: ServiceJson) -> None:
    (note,) = service_json.read({}, "metadata.instance=10").notes
    assert note.startswith("metadata.instance is ignored: ")


@pytest.mark.parametrize(
    ("word", "line"),
    [
        (
            "metadata.rpc.keepalve=5",
            "-D metadata.rpc.keepalve: there is no such key; did you mean metadata.rpc.keepalive?",
        ),
        (
            "metadata.rpc.keepalive=5s",
            (
                '-D metadata.rpc.keepalive: "5s" is not a number of milliseconds; '
                "expected a whole number from 1 to 86400000, such as 5000"
            ),
        ),
        (
            "metadata.workers=0",
            (
                "-D metadata.workers: metadata.rpc.worker_threads: 0 does not fit; "
                "expected a whole number from 1 to 4095, such as 5"
            ),
        ),
        ("name", "-D name: expected -D KEY=VALUE, such as -D metadata.rpc.keepalive=10000"),
        ("=5", "-D : expected -D KEY=VALUE, such as -D metadata.rpc.keepalive=10000"),
        ("models[2].name=x", "-D models[2].name: the description has no models[2]; models has 2 entries"),
        ("models[-1].name=x", "-D models[-1].name: not a valid key; expected one such as models[0].model_path"),
        ("storage[0]=x", "-D storage[0]: the description has no storage[0]; storage has 0 entries"),
        ("models[0].nmae=x", "-D models[0].nmae: there is no such key; did you mean models[0].name?"),
        ("labels=" + "[" * 100 + "]" * 100, "-D labels: nested more than 64 levels deep"),
        ("labels=" + "[" * 100_000 + "]" * 100_000, "-D labels: the value is nested too deep"),
        ("name=\udcff", "-D name: the value is not UTF-8; expected UTF-8"),
        ("token=\x01", "-D token: this value does not fit; expected a token"),
    ],
)
def test_wrong_override_is_refused_in_the_words_for_a_file(service_json: ServiceJson, word: str, line: str) -> None:
    """The option stands where the place in the file would."""
    (found,) = service_json.refused(SAMPLE, word)
    assert found.startswith(line)


def test_mistakes_of_overrides_come_after_those_of_the_file(service_json: ServiceJson) -> None:
    assert [line[:5] for line in service_json.refused({"name": "a/b"}, "token=\x01", "runtime=5")] == [
        "servi",
        "-D to",
        "-D ru",
    ]


def test_override_does_not_change_the_file(service_json: ServiceJson) -> None:
    service_json.read(SAMPLE, "name=x")
    assert read(service_json.file).name == "a"
