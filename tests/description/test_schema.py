"""
`eas-host schema` prints a JSON Schema that accepts and refuses what the reader does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from eas_host.description import read, schema
from support.build import TESTS
from support.command import run
from support.description_reader import ServiceJson

SAMPLES = sorted((TESTS / "descriptions").glob("*.json"))
VALIDATOR = Draft202012Validator(schema())


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


def test_command_prints_a_valid_json_schema() -> None:
    """The schema names its dialect, and is indented."""
    ended = run("schema")
    assert (ended.code, ended.stderr) == (0, "")
    printed = json.loads(ended.stdout)
    assert printed == schema()
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(printed)
    assert '\n  "properties": {\n' in ended.stdout


def test_command_refuses_a_folder_without_install() -> None:
    run("schema", "service.json").fails_in_one_line(2, "service.json: eas-host schema prints the schema")
    assert "usage: eas-host schema" in run("schema", "--help").stdout


def test_schema_is_installed_for_an_editor(tmp_path: Path) -> None:
    """Settings that the user has stay, and what is missing in them is told."""
    (tmp_path / "new").mkdir()
    assert run("schema", "--install", cwd=tmp_path / "new").code == 0
    settings = json.loads((tmp_path / "new" / ".vscode" / "settings.json").read_text())
    assert settings["files.associations"]["service.json"] == "jsonc"
    (named,) = settings["json.schemas"]
    assert json.loads((tmp_path / "new" / named["url"]).read_text()) == schema()

    own = tmp_path / "own" / ".vscode" / "settings.json"
    own.parent.mkdir(parents=True)
    own.write_text('{"editor.tabSize": 4} // mine')
    told = run("schema", "--install", tmp_path / "own").stdout
    assert f"{own} is there already; add this to it:" in told
    assert '"url": "./.vscode/eas-service.schema.json"' in told
    assert own.read_text() == '{"editor.tabSize": 4} // mine'
    run("schema", "--install", tmp_path / "nowhere").fails_in_one_line(2, "nowhere: is no folder")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_documented_samples_are_valid(sample: Path) -> None:
    """The samples are turned into JSON first."""
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(read(sample).text))] == []


@pytest.mark.parametrize(
    "written",
    [
        {"metadata": {"rpc": {"keepalive": 7}}},
        {"metadata": {"rpc.keepalive": "7"}},
        {"metadata.rpc": {"keepalive": 7}},
        {"metadata.rpc.keepalive": 7},
        {"rpc": {"keepalive": 7}},
        {"rpc.keepalive": 7},
        {"metadata": {"workers": 3, "name": "x", "eas.termination_grace_period": 5}},
        {"metadata": {"scheduling.spread.policy": "host", "eas": {"handlers.disable_failure_handler": True}}},
        {"networking": {"anything": {"goes": 1}}, "networking.gateway": "g", "baseimage": "x"},
        {"generate_token": "true", "runtime": {"enable_crash_block": False}, "runtime.cuda": "11"},
        {"model_config": {"anything": 1}, "processor_envs": {"A": 1}},
        {"processor_envs": [{"name": "A", "value": "1"}], "requirements": ["a"], "processor_jvm_options": "-Xmx1g"},
        {"models": [{"name": "m", "processor": "p"}], "processors": [{"name": "p", "processor_type": "cpp"}]},
        {"storage": [{"mount_path": "/a", "oss.path": "x"}, {"mount_path": "/b", "hostPath": {"path": "y"}}]},
        {"$schema": "./eas.json", "processor_entry": "", "processor_type": "", "python_version": ""},
        {"python_version": "3.6", "processors": [{"name": "p", "python_version": "3.10.2"}]},
        {"containers": [{"script": "python app.py --a", "port": 8000}]},
        {"containers": [{"command": ["python", "app.py", "--a"], "env": [{"name": "A", "value": "1"}]}]},
    ],
)
def test_what_the_reader_accepts_is_valid(service_json: ServiceJson, written: dict[str, Any]) -> None:
    """Every writing of a key is tried."""
    service_json.read(written)
    assert [error.message for error in VALIDATOR.iter_errors(written)] == []


@pytest.mark.parametrize(
    "written",
    [
        {"nmae": "x"},
        {"name": 5},
        {"name": "a/b"},
        {"metadata": {"rpc": {"keepalve": 7}}},
        {"metadata": {"rpc.keepalive": "5s"}},
        {"metadata.rpc.keepalive": 0},
        {"rpc.worker_threads": 5000},
        {"metadata": 5},
        {"generate_token": "maybe"},
        {"processor_type": "rust"},
        {"python_version": 3.6},
        {"python_version": "/usr/bin/python3"},
        {"models": [{"model_path": "x"}]},
        {"models": {"name": "x"}},
        {"storage": [{"oss": {"path": "x"}}]},
        {"processor_envs": [{"value": "x"}]},
        {"metadata": {"rpc": {"decompressor": "rar"}}},
        {"containers": [{"command": 5}]},
        {"containers": [{"script": ["python", 5]}]},
    ],
)
def test_what_the_reader_refuses_is_invalid(service_json: ServiceJson, written: dict[str, Any]) -> None:
    service_json.refused(written)
    assert list(VALIDATOR.iter_errors(written)) != []


def test_every_key_has_a_description() -> None:
    """An editor shows it."""
    top = schema()
    for name, place in {"top": top, **top["$defs"]}.items():
        for key, value in place["properties"].items():
            assert value.get("description"), f"{name}.{key}"
            assert value.get("title"), f"{name}.{key}"


def test_editors_never_show_a_pattern() -> None:
    """Where there is one, they have a sentence to show in its place, and where there are several schemas, too."""

    def all_of(value: object) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from all_of(part)

    for part in all_of(schema()):
        if isinstance(part.get("pattern"), str):
            assert part["patternErrorMessage"].startswith("expected "), part
        if "anyOf" in part and "$ref" not in part:
            assert part.get("errorMessage") or "items" in part["anyOf"][0], part


def test_editors_show_defaults_examples_and_what_only_the_cloud_has() -> None:
    made = schema()
    keepalive = made["$defs"]["Rpc"]["properties"]["keepalive"]
    assert (keepalive["title"], keepalive["default"], keepalive["examples"]) == ("metadata.rpc.keepalive", 5000, [5000])
    assert made["properties"]["model_path"]["examples"][0] == "./model/"
    gpu = made["$defs"]["Metadata"]["properties"]["gpu"]
    assert (gpu["title"], gpu["x-cloud-only"]) == ("metadata.gpu (only in the cloud)", True)
    assert made["$id"] == "urn:eas-host:service-description"


def test_bounds_are_those_of_the_command_lines_options() -> None:
    keepalive = schema()["$defs"]["Rpc"]["properties"]["keepalive"]
    assert (keepalive["minimum"], keepalive["maximum"]) == (1, 86_400_000)
    run("--keepalive", "86400001", "--entry", "x.py").fails_in_one_line(2, "from 1 to 86400000")
