"""
How keys may be written, which of them are known, and what happens to the others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eas_host.description import read
from support.description_reader import ServiceJson


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


# Writings.


@pytest.mark.parametrize(
    "written",
    [
        {"metadata": {"rpc": {"keepalive": 7}}},
        {"metadata": {"rpc.keepalive": 7}},
        {"metadata.rpc": {"keepalive": 7}},
        {"metadata.rpc.keepalive": 7},
        {"rpc": {"keepalive": 7}},
        {"rpc.keepalive": "7"},
    ],
)
def test_nested_and_dotted_keys_are_the_same(service_json: ServiceJson, written: dict[str, Any]) -> None:
    """A key may be half nested and half dotted, or have the section's short name."""
    description = service_json.read(written)
    assert description.options == {"keepalive": 7}
    assert list(description.origins) == ["metadata.rpc.keepalive"]


@pytest.mark.parametrize(
    ("alias", "value", "option"),
    [
        ("metadata.name", "x", "name"),
        ("metadata.workers", 3, "worker_threads"),
        ("metadata.worker_threads", 3, "worker_threads"),
        ("rpc.worker_threads", 3, "worker_threads"),
        ("metadata.max_queue_size", 3, "max_queue_size"),
        ("rpc.max_queue_size", 3, "max_queue_size"),
        ("rpc.rate_limit", 3, "rate_limit"),
        ("rpc.decompressor", "zstd", "decompressor"),
        *(
            (f"{prefix}.{name}", 3, name)
            for name in ("max_batch_size", "max_batch_timeout", "max_batch_bytes")
            for prefix in ("metadata.rpc", "rpc", "rpc.batching", "metadata.batching", "metadata.rpc.batching")
        ),
        ("metadata.eas.termination_grace_period", 3, "grace_period"),
        ("runtime.enable_crash_block", True, "crash_block"),
    ],
)
def test_alias_sets_the_same_option(service_json: ServiceJson, alias: str, value: object, option: str) -> None:
    assert service_json.read({alias: value}).options == {option: value}


def test_decompressor_accepts_every_encoding_and_none(service_json: ServiceJson) -> None:
    """The schema offers exactly what the host has."""
    for name in ("gzip", "zlib", "snappy", "lz4", "zstd"):
        assert service_json.read({"rpc.decompressor": name}).options == {"decompressor": name}
    assert service_json.read({"rpc.decompressor": "none"}).options == {"decompressor": None}


@pytest.mark.parametrize(
    ("value", "how"),
    [
        (True, "adaptive"),
        ("true", "adaptive"),
        (False, "off"),
        ("fixed", "fixed"),
        ("Adaptive", "adaptive"),
        ("off", "off"),
    ],
)
def test_batching_is_true_or_says_how(service_json: ServiceJson, value: object, how: str) -> None:
    """EAS has a boolean; the values of --batching are ours."""
    for key in ("rpc.batching", "metadata.rpc.batching"):
        assert service_json.read({key: value}).options == {"batching": how}


def test_other_values_of_batching_are_refused(service_json: ServiceJson) -> None:
    """With the values that there are."""
    for value in (16, "sometimes", ["fixed"]):
        (line,) = service_json.refused({"rpc.batching": value})
        assert "is no way of batching; expected true, false, off, adaptive or fixed" in line


def test_python_version_is_a_text(service_json: ServiceJson) -> None:
    """As a number, 3.10 would be 3.1. On the command line it needs no quotes."""
    assert service_json.refused({"python_version": 3.10}) == [
        'service.json:1:20: python_version: 3.1 is not a text; expected a version such as "3.6", in double quotes'
    ]
    for text in ("2.7", "3.", "3.6.1.2", "/usr/bin/python3", "three", "\u0663.6"):
        (line,) = service_json.refused({"python_version": text})
        assert 'is no version of Python 3; expected one such as "3.6"; a path can be given with --python' in line
    assert service_json.read({}, "python_version=3.10").models[0].processor.python_version == "3.10"


def test_key_written_twice_with_two_values_is_refused(service_json: ServiceJson) -> None:
    """Two writings of one key with the same value are accepted."""
    assert service_json.read({"name": "a", "metadata": {"name": "a"}}).name == "a"
    assert service_json.refused('{"name": "a",\n"metadata": {"name": "b"}}') == [
        "service.json:2:14: metadata.name: name, which is the same key, has another value at 1:2; expected one of them"
    ]
    (line,) = service_json.refused({"metadata": {"rpc": {"keepalive": 5}, "rpc.keepalive": 6}})
    assert "metadata.rpc.keepalive, which is the same key, has another value at 1:23" in line


def test_section_that_is_not_an_object_is_refused(service_json: ServiceJson) -> None:
    assert service_json.refused('{"metadata": 5, "runtime": "x", "metadata.rpc": []}') == [
        "service.json:1:14: metadata: 5 is not an object; expected one, in { }",
        'service.json:1:28: runtime: "x" is not an object; expected one, in { }',
        "service.json:1:49: metadata.rpc: a list is not an object; expected one, in { }",
    ]


# Wrong values.


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "metadata.rpc.keepalive",
            "5s",
            '"5s" is not a number of milliseconds; expected a whole number from 1 to 86400000, such as 5000',
        ),
        ("metadata.rpc.keepalive", 0, "0 does not fit; expected a whole number from 1 to 86400000, such as 5000"),
        ("metadata.rpc.keepalive", 10**300, f"1{'0' * 39}... does not fit; expected a whole number"),
        ("metadata.rpc.keepalive", True, "true is not a number of milliseconds"),
        ("metadata.rpc.keepalive", [5], "a list is not a number of milliseconds"),
        ("metadata.rpc.worker_threads", 2.5, "2.5 does not fit; expected a whole number from 1 to 4095"),
        ("metadata.rpc.decompressor", "rar", '"rar" does not fit; expected gzip, zlib, snappy, lz4, zstd or none'),
        ("runtime.termination_grace_period", "nan", '"nan" does not fit; expected a number of seconds'),
        ("runtime.termination_grace_period", "soon", '"soon" is not a number of seconds; expected a number of seconds'),
        ("runtime.enable_crash_block", "yes", '"yes" is neither true nor false; expected one of them'),
        ("processor_type", "rust", '"rust" is unknown; expected cpp, java or python'),
        ("processor_jvm_options", '"open', '"\\"open" cannot be split into words'),
        ("processor_jvm_options", {}, "an object is neither text nor a list of texts"),
        ("requirements", [1], "a list is neither text nor a list of texts"),
        ("model_config", 5, "5 is neither text nor an object"),
        ("model_path", 5, "5 is not a text; expected text in double quotes"),
        ("model_path", "a\0b", '"a\\u0000b" contains a NUL character'),
        ("token", "ключ", "this value does not fit; expected a token of printable Latin-1 characters"),
        ("models", {}, "an object is not a list; expected one, in [ ]"),
    ],
)
def test_wrong_value_is_refused_with_key_value_and_expectation(
    service_json: ServiceJson, key: str, value: object, words: str
) -> None:
    (line,) = service_json.refused({key: value})
    assert line.startswith(f"service.json:1:{len(key) + 6}: {key}: {words}")


@pytest.mark.parametrize("name", ["a/b", ".", "..", " a", "a\nb", 5])
def test_service_name_that_is_not_a_url_segment_is_refused(service_json: ServiceJson, name: object) -> None:
    (line,) = service_json.refused({"name": name})
    assert line.startswith("service.json:1:10: name: ")


@pytest.mark.parametrize("name", ["a", "diy_test", "A-b.c", "ключ 1", "50%"])
def test_unusual_service_name_is_accepted(service_json: ServiceJson, name: str) -> None:
    assert service_json.read({"name": name}).name == name


def test_wrong_processor_envs_are_refused_without_showing_values(service_json: ServiceJson) -> None:
    """Values may be passwords."""
    assert service_json.refused(
        {"processor_envs": [{"value": "x"}, {"name": "A=B"}, 5, {"name": "A", "value": ["pw"]}]}
    ) == [
        "service.json:1:21: processor_envs[0]: it has no name; expected one",
        (
            'service.json:1:46: processor_envs[1].name: "A=B" is not the name of a variable; '
            "expected one such as LOG_LEVEL, without = and space"
        ),
        "service.json:1:54: processor_envs[2]: 5 is not an object; expected one, in { }",
        "service.json:1:80: processor_envs[3].value: this value is not a text; expected text in double quotes",
    ]
    (line,) = service_json.refused({"processor_envs": {"A B": "pw"}})
    assert line.startswith('service.json:1:21: processor_envs.A B: "A B" is not the name of a variable')


# Unknown keys.


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("nmae", "name"),
        ("modelPath", "model_path"),
        ("processor-path", "processor_path"),
        ("process_entry", "processor_entry"),
        ("metadata.rpc.keepalve", "metadata.rpc.keepalive"),
        ("metadata.rpc.keep_alive", "metadata.rpc.keepalive"),
        ("metadata.rcp.keepalive", "metadata.rpc.keepalive"),
        ("metdata.rpc.keepalive", "metadata.rpc.keepalive"),
        ("metadata.keepalive", "metadata.rpc.keepalive"),
        ("keepalive", "metadata.rpc.keepalive"),
        ("rpc.worker_thread", "metadata.rpc.worker_threads"),
        ("metadata.processor_path", "processor_path"),
        ("metadata.memroy", "metadata.memory"),
        ("runtime.enable_crashblock", "runtime.enable_crash_block"),
    ],
)
def test_misspelt_key_is_refused_with_the_right_one(service_json: ServiceJson, key: str, meant: str) -> None:
    """A known key in the wrong place is refused, too."""
    assert service_json.refused({key: 5}) == [f"service.json:1:2: {key}: there is no such key; did you mean {meant}?"]


def test_unknown_key_is_noted_and_ignored(service_json: ServiceJson) -> None:
    """EAS gets new keys often."""
    description = service_json.read({"name": "a", "quota_id": 1, "metadata": {"x": {"y": 1}}, "processor_md5": "f00"})
    assert description.notes == ("quota_id, metadata.x, processor_md5 are ignored: eas-host knows no such key",)


def test_note_lists_at_most_50_unknown_keys(service_json: ServiceJson) -> None:
    (note,) = service_json.read({"name": "a", **{f"quota_{number}": 1 for number in range(60)}}).notes
    assert note.startswith("quota_0, quota_1, ")
    assert note.endswith(", quota_49 and 10 more are ignored: eas-host knows no such key")


def test_known_key_is_not_taken_for_a_misspelt_other(service_json: ServiceJson) -> None:
    """cpu is one letter from gpu."""
    description = service_json.read({"metadata": {"cpu": 1, "gpu": 1}})
    assert len(description.notes + description.usual_notes) == 2


def test_schema_key_of_editors_is_accepted(service_json: ServiceJson) -> None:
    assert service_json.read({"$schema": "./eas.json"}).notes == ()


# Ignored keys.


def test_ignored_keys_are_noted_once_for_each_reason(service_json: ServiceJson) -> None:
    """A key may be written in any way; one whose value asks for nothing is not noted."""
    description = service_json.read(
        {
            "data_image": "registry/x",
            "baseimage": "y",
            "networking.gateway": "g",
            "cuda": "",
            "autoscaler": {},
            "labels": None,
            "metadata": {
                "instance": 2,
                "cpu": 4,
                "scheduling.spread.policy": "host",
                "rolling_strategy": {"max_surge": "2%"},
                "gpu": 0,
                "enable_grpc": "false",
                "rpc": {"batching": True, "io_threads": 4, "mirror": 5},
                "rpc.batching.max_batch_size": 16,
                "eas.handlers.disable_failure_handler": True,
            },
        }
    )
    named = [note.partition(" ignored: ")[0] for note in description.notes]
    assert named == [
        "data_image, runtime.base_image are",
        "networking, metadata.rpc.mirror are",
        "metadata.instance is",
        "metadata.scheduling is",
        "metadata.rolling_strategy is",
        "metadata.rpc.io_threads, metadata.eas.handlers are",
    ]
    assert [note.partition(" ignored: ")[0] for note in description.usual_notes] == ["metadata.cpu is"]
    assert description.options == {"batching": "adaptive", "max_batch_size": 16}
    assert "--worker-processes" in description.notes[2]


# Keys that only the cloud supports, for who can do something about them.


def test_cloud_values_are_kept_instead_of_noted(service_json: ServiceJson) -> None:
    """Each by the documented name of its key, in whatever spelling; values in an object have names of their own."""
    text = {
        "metadata.instance": 1,
        "metadata": {"rolling_strategy": {"max_surge": 2}, "region": "", "rolling_strategy.max_unavailable": 0},
        "autoscaler": {"strategies": {"queue[avgbacklog]": 5}, "behavior": {}},
        "labels": {"a.b/c": "d"},
        "storage": [{"mount_path": "/a", "nfs": {"server": "x"}}, {"mount_path": "/b", "empty_dir": {}}],
    }
    assert service_json.read(text | {"storage": []}).cloud_values == {}
    service_json.file.write_text(json.dumps(text), encoding="utf-8")
    description = read(service_json.file, ["metadata.cpu=3"], keeps_cloud_values=True)
    assert (description.notes, description.usual_notes) == ((), ())
    assert {label: one.value for label, one in description.cloud_values.items()} == {
        "metadata.instance": 1,
        "metadata.rolling_strategy.max_surge": 2,
        "metadata.rolling_strategy.max_unavailable": 0,
        "autoscaler.strategies.queue[avgbacklog]": 5,
        "autoscaler.behavior": {},
        "labels.a.b/c": "d",
        "storage[0].nfs.server": "x",
        "storage[1].empty_dir": {},
        "metadata.cpu": 3,
    }
    harmless = {label for label, one in description.cloud_values.items() if one.harmless}
    assert harmless == {
        "metadata.instance",
        "metadata.rolling_strategy.max_unavailable",
        "autoscaler.behavior",
        "storage[1].empty_dir",
    }
    assert description.origins["metadata.cpu"] == "-D metadata.cpu"
    assert [(mount.mount_path, mount.source) for mount in description.storage] == [("/a", ""), ("/b", "")]
