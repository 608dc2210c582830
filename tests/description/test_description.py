"""
Service descriptions: the documents' own samples, and where each key ends up.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eas_host.description import Mount, Processor, read
from eas_host.errors import ConfigError
from support.build import TESTS
from support.description_reader import ServiceJson

SAMPLES = TESTS / "descriptions"


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


# The documents' samples.


def test_documented_sample_with_comments_is_read() -> None:
    """The comments are mentioned once."""
    description = read(SAMPLES / "diy_test.json")
    (model,) = description.models
    assert description.name == "diy_test"
    assert (model.path, model.entry) == ("model.tar.gz", "./model_path/")
    assert json.loads(model.config) == {"model": "deploy.prototxt", "weight": "bvlc_reference_caffenet.caffemodel"}
    assert model.processor == Processor("diy_predictor_gpu.tar.gz", "", "cpp")
    assert description.options == {"name": "diy_test", "generate_token": True}
    comments, cuda = description.notes
    assert comments == f"{SAMPLES / 'diy_test.json'}:4:31: comments are not JSON; accepted"
    assert cuda.startswith("cuda is ignored: ")


@pytest.mark.parametrize(
    ("sample", "name", "model_entry", "entry"),
    [
        ("echo", "test_echo", None, "libecho.so"),
        ("mnist", "test_mnist", "./1/", "libimage_classification.so"),
    ],
)
def test_vendors_demos_are_read_with_only_the_region_ignored(
    sample: str, name: str, model_entry: str | None, entry: str
) -> None:
    description = read(SAMPLES / f"{sample}.json")
    (model,) = description.models
    assert (description.name, model.entry, model.processor.entry) == (name, model_entry, entry)
    assert model.path.startswith("http://")
    assert model.processor.path.startswith("./")
    assert description.options["generate_token"] is True
    (note,) = description.notes
    assert note.startswith("metadata.region is ignored: ")


def test_empty_values_of_the_pysdk_template_are_not_named_as_ignored() -> None:
    """One instance is not named, either."""
    description = read(SAMPLES / "app.json")
    (model,) = description.models
    assert model.processor == Processor("oss://path/to/processor", "./app.py", "python")
    assert model.path == ""
    (machine,) = description.notes
    assert machine.startswith("metadata.region is ignored: ")
    memory, cpus = description.usual_notes
    assert cpus.startswith("metadata.cpu is ignored: no limit is set; ")
    assert memory.startswith("metadata.memory is ignored: ")


def test_models_with_shared_processors_are_read() -> None:
    """Trailing commas, and all writings of metadata in one file."""
    description = read(SAMPLES / "deeprec.json")
    first, second = description.models
    assert (first.name, second.name) == ("model_a", "model_b")
    assert (first.where, second.where) == ("models[0]", "models[1]")
    assert (first.entry, first.uncompress) == (None, True)
    assert json.loads(first.config)["session_num"] == 2
    assert second.config == '{"session_num": 1}'
    assert first.processor == second.processor
    assert first.processor.entry == "libserving_processor.so"
    assert description.options == {"name": "multi_models", "keepalive": 20000, "max_queue_size": 100}
    assert "deeprec.json:16:44: a comma before } or ] is not JSON; accepted" in description.notes[0]


# Values.


def test_each_key_that_has_an_effect_is_read(service_json: ServiceJson) -> None:
    description = service_json.read(
        {
            "name": "all",
            "token": "s3cret",
            "model_path": "oss://bucket/model/",
            "model_entry": "a/b",
            "model_config": {"depth": [1, 2.5, None, True, "é"]},
            "uncompress": "False",
            "processor_path": "p.zip",
            "processor_entry": "p.jar",
            "processor_type": "JAVA",
            "processor_mainclass": "com.example.P",
            "processor_jvm_options": '-Xmx2g "-Dname=two words"',
            "processor_envs": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}, {"name": "C", "value": 4}],
            "requirements": "numpy==1.26\n\n# a comment\n  requests  \n",
            "warm_up_data_path": "warm.txt",
            "storage": [
                {"mount_path": "/data", "oss": {"path": "oss://bucket/data/", "readOnly": True}},
                {"mount_path": "/code", "local": {"path": "./code"}},
                {"mount_path": "/host", "hostPath": {"path": "/srv"}},
            ],
            "metadata": {
                "rpc": {
                    "keepalive": "7000",
                    "max_queue_size": 1.0,
                    "worker_threads": 3,
                    "rate_limit": 9,
                    "decompressor": "GZIP",
                }
            },
            "runtime": {"enable_crash_block": "true", "termination_grace_period": 2.5},
        }
    )
    (model,) = description.models
    assert (model.path, model.entry, model.uncompress) == ("oss://bucket/model/", "a/b", False)
    assert model.config == '{"depth": [1, 2.5, null, true, "é"]}'
    options = ("-Xmx2g", "-Dname=two words")
    assert model.processor == Processor("p.zip", "p.jar", "java", "com.example.P", options)
    assert description.environment == {"A": "1", "B": "", "C": "4"}
    assert description.requirements == ("numpy==1.26", "requests")
    assert description.warm_up == "warm.txt"
    assert description.storage == (
        Mount("/data", "oss://bucket/data/", "storage[0]"),
        Mount("/code", "./code", "storage[1]"),
        Mount("/host", "/srv", "storage[2]"),
    )
    assert description.options == {
        "name": "all",
        "token": "s3cret",
        "keepalive": 7000,
        "max_queue_size": 1,
        "worker_threads": 3,
        "rate_limit": 9,
        "decompressor": "gzip",
        "crash_block": True,
        "grace_period": 2.5,
    }
    assert description.notes == ()


def test_lists_and_objects_are_accepted_for_texts_and_variables(service_json: ServiceJson) -> None:
    """A container's requirements are accepted, too."""
    description = service_json.read(
        {
            "processor_path": "p",
            "processor_jvm_options": ["-Xmx1g", "-Dx=a b"],
            "processor_envs": {"A": "x", "B": True},
            "requirements": ["numpy", "requests"],
            "containers": [{"prepare": {"pythonRequirements": ["requests", "flask"]}}],
        }
    )
    assert description.models[0].processor.jvm_options == ("-Xmx1g", "-Dx=a b")
    assert description.environment == {"A": "x", "B": "true"}
    assert description.requirements == ("numpy", "requests", "flask")


def test_null_and_empty_texts_are_the_same_as_no_key(service_json: ServiceJson) -> None:
    empty = service_json.read("{}")
    blank = service_json.read(
        {
            "name": "",
            "token": None,
            "generate_token": "",
            "model_entry": "",
            "processor_entry": None,
            "processor_type": "",
            "models": None,
            "metadata": None,
            "runtime": {"enable_crash_block": ""},
        }
    )
    assert (empty.name, empty.options, empty.models[0].entry) == (None, {}, None)
    assert (blank.name, blank.options, blank.models) == (None, {}, empty.models)
    assert blank.notes == empty.notes == ()


def test_generate_token_has_no_effect_beside_a_token(service_json: ServiceJson) -> None:
    assert service_json.read({"token": "t", "generate_token": True}).options == {"token": "t"}
    assert service_json.read({"generate_token": "false"}).options == {"generate_token": False}


def test_origins_name_each_value_by_its_documented_key(service_json: ServiceJson) -> None:
    """The file may write the key in another way."""
    description = service_json.read('{"name": "x",\n "rpc.keepalive": 1,\n "models": [{"name": "m"}]}', "token=t")
    assert description.origins == {
        "name": f"{service_json.file}:1:10",
        "metadata.rpc.keepalive": f"{service_json.file}:2:19",
        "models[0].name": f"{service_json.file}:3:22",
        "token": "-D token",
    }


def test_text_for_service_config_is_plain_json(service_json: ServiceJson) -> None:
    """The whole description as it was written."""
    description = service_json.read('{"a.b": 1, // c\n "metadata": {"cpu": 1.50,},}', "metadata.rpc.keepalive=1")
    assert json.loads(description.text) == {"a.b": 1, "metadata": {"cpu": 1.5, "rpc": {"keepalive": 1}}}


def test_file_is_absolute_and_messages_name_it_as_given(
    service_json: ServiceJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths in the file are meant from its folder."""
    service_json.read('{"name": "x"}')
    monkeypatch.chdir(service_json.file.parent)
    assert read(Path("service.json")).file == service_json.file
    assert read(Path("service.json")).origins == {"name": "service.json:1:10"}


# Files that are none.


def test_file_that_is_not_a_description_is_refused_with_what_it_is(service_json: ServiceJson, tmp_path: Path) -> None:
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "absent.json", "No such file"), ("\0", "null byte")):
        with pytest.raises(ConfigError, match=words) as caught:
            read(Path(path))
        assert caught.value.detail == ""
    for data, words in (
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        ("{}".encode("utf-16"), "it is UTF-16"),
        (b'{\n"a": "\xe4"}', "service.json:2: the byte 0xe4 is not UTF-8"),
        (b"\x1f\x8b\x08\x00", "it is gzip"),
        (b" " * 2**20 + b"{}", "more than 1024 KiB"),
        (b"[1]", "service.json:1:1: found a list; expected a description in { }"),
        (b'\n "x"', 'service.json:2:2: found "x"; expected a description'),
        (b"# nothing", "there is nothing but comments"),
    ):
        (line,) = service_json.refused(data)
        assert words in line
