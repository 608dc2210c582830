"""
`-D key=value`: a description is changed before it is checked.
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
def test_all_writings_are_replaced(service_json: ServiceJson, key: str) -> None:
    """Whatever the file calls the key, and whatever the command line does."""
    description = service_json.read(SAMPLE, f"{key}=10000")
    assert description.options["keepalive"] == 10000
    assert description.origins["metadata.rpc.keepalive"] == f"-D {key}"
    assert json.loads(description.text)["metadata"] == {"workers": 2, "rpc": {"keepalive": 10000}}


def test_removal(service_json: ServiceJson) -> None:
    """A key without a value is taken out, and the default is back."""
    description = service_json.read(SAMPLE, "metadata.rpc.keepalive=", "metadata.rpc.worker_threads=", "name=")
    assert description.options == {}
    assert json.loads(description.text)["metadata"] == {}


def test_a_section(service_json: ServiceJson) -> None:
    description = service_json.read(SAMPLE, 'metadata={"rpc": {"rate_limit": 7}}')
    assert description.options == {"name": "a", "rate_limit": 7}


def test_entries_of_lists(service_json: ServiceJson) -> None:
    """By their index: one key of them, the whole, or nothing any more."""
    description = service_json.read(SAMPLE, "models[0].model_path=new", 'models[1]={"name": "k"}')
    assert [(model.name, model.path) for model in description.models] == [("m", "new"), ("k", "")]
    assert description.origins["models[0].model_path"] == "-D models[0].model_path"
    assert [model.name for model in service_json.read(SAMPLE, "models[0]=").models] == ["n"]


def test_values(service_json: ServiceJson) -> None:
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


def test_the_last_one_counts(service_json: ServiceJson) -> None:
    assert service_json.read(SAMPLE, "name=x", "metadata.name=y").name == "y"


def test_overridden_mistakes_are_none(service_json: ServiceJson) -> None:
    """The value, an unknown key, a key that is there twice: once it is replaced, nobody needs to know."""
    text = '{"name": 5, "nmae": "x", "metadata.rpc.keepalive": "5s", "rpc.keepalive": "6s", "token": "a", "token": "b"}'
    assert len(service_json.refused(text)) == 5
    description = service_json.read(text, "name=x", "nmae=", "rpc.keepalive=5", "token=c")
    assert description.options == {"name": "x", "keepalive": 5, "token": "c"}


def test_an_ignored_key(service_json: ServiceJson) -> None:
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
def test_wrong_override(service_json: ServiceJson, word: str, line: str) -> None:
    """It gets the same words as a mistake in the file, with the option as its place."""
    (found,) = service_json.refused(SAMPLE, word)
    assert found.startswith(line)


def test_order(service_json: ServiceJson) -> None:
    """Mistakes of the command line come after those of the file."""
    assert [line[:5] for line in service_json.refused({"name": "a/b"}, "token=\x01", "runtime=5")] == [
        "servi",
        "-D to",
        "-D ru",
    ]


def test_the_file_stays(service_json: ServiceJson) -> None:
    service_json.read(SAMPLE, "name=x")
    assert read(service_json.file).name == "a"
