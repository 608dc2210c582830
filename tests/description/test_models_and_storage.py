"""
Keys that refer to other keys: models and their processors, storage, containers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eas_host.description import Mount, Processor
from support.description_reader import ServiceJson

A: dict[str, Any] = {"name": "a", "processor_path": "a.zip", "processor_entry": "a.so", "processor_type": "cpp"}
B: dict[str, Any] = {"name": "b", "processor_path": "b.jar", "processor_type": "java", "processor_mainclass": "B"}


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


def processors(service_json: ServiceJson, description: dict[str, Any]) -> list[Processor]:
    return [model.processor for model in service_json.read(description).models]


def test_processor_of_a_model_is_named_extended_own_or_that_of_the_top(service_json: ServiceJson) -> None:
    """A model names a processor, adds keys of its own to it, has one of its own, or has that at the top."""
    assert processors(
        service_json,
        {
            "processor_path": "top.zip",
            "processor_type": "python",
            "processor_entry": "top.py",
            "models": [
                {"name": "1", "processor": "a"},
                {"name": "2", "processor": "b", "processor_mainclass": "C"},
                {"name": "3", "processor_path": "own.so"},
                {"name": "4"},
                {"name": "5", "processor_entry": "other.py"},
            ],
            "processors": [A, B],
        },
    ) == [
        Processor("a.zip", "a.so", "cpp"),
        Processor("b.jar", "", "java", "C"),
        Processor("own.so"),
        Processor("top.zip", "top.py", "python"),
        Processor("top.zip", "other.py", "python"),
    ]


def test_python_version_is_inherited_as_the_processor_is(service_json: ServiceJson) -> None:
    """A processor with a path of its own inherits nothing, a program in the same package does."""
    models = [
        {"name": "1", "processor": "p"},
        {"name": "2", "processor": "p", "python_version": "3.8"},
        {"name": "3", "processor_path": "own"},
        {"name": "4", "processor_entry": "other.py"},
    ]
    named = [{"name": "p", "processor_path": "p", "python_version": "3.7.16"}]
    described = {"processor_path": "top", "python_version": " 3.6 ", "models": models, "processors": named}
    assert [one.python_version for one in processors(service_json, described)] == ["3.7.16", "3.8", "", "3.6"]


def test_only_model_of_a_list_keeps_its_name(service_json: ServiceJson) -> None:
    (model,) = service_json.read({"models": [{"name": "only", "processor": "a"}], "processors": [A]}).models
    assert (model.name, model.where) == ("only", "models[0]")


def test_top_may_name_a_processor_without_models(service_json: ServiceJson) -> None:
    assert processors(service_json, {"processor": "a", "processors": [A]}) == [Processor("a.zip", "a.so", "cpp")]


def test_missing_double_or_invalid_names_of_models_are_refused(service_json: ServiceJson) -> None:
    """No name may have what a URL's segment cannot have; processors likewise."""
    lines = service_json.refused(
        {
            "models": [{"name": "m"}, {"name": "m"}, {"name": ""}, {"name": "x/y"}, "z"],
            "processors": [A, {"name": "a"}, {}],
        }
    )
    assert [line.partition(": ")[2] for line in lines] == [
        'models[1].name: "m" is the name of models[0], too, at 1:22; expected another one',
        "models[2]: it has no name; expected one",
        'models[3].name: "x/y" cannot be a part of a URL; expected a name such as my_service, without a slash',
        'models[4]: "z" is not an object; expected one, in { }',
        'processors[1].name: "a" is the name of processors[0], too, at 1:104; expected another one',
        "processors[2]: it has no name; expected one",
    ]


def test_unknown_processor_suggests_the_nearest_one(service_json: ServiceJson) -> None:
    models = [{"name": "m", "processor": "tensrflow"}, {"name": "n", "processor": "other"}]
    near, far = service_json.refused({"models": models, "processors": [{"name": "tensorflow"}]})
    assert near.endswith('models[0].processor: "tensrflow" is not in processors[]; did you mean "tensorflow"?')
    assert "EAS's own processors run in the cloud only, expected processor_path" in far


def test_unused_processor_is_noted(service_json: ServiceJson) -> None:
    description = service_json.read({"models": [{"name": "m", "processor": "a"}], "processors": [A, B]})
    assert description.notes == ('processor "b" is used by no model',)


def test_model_keys_beside_models_are_refused(service_json: ServiceJson) -> None:
    """The keys do not say which model is meant."""
    lines = service_json.refused({"model_path": "x", "model_entry": "y", "models": [{"name": "m"}]})
    assert [line.partition(": ")[2] for line in lines] == [
        "model_path: cannot be beside models[]; expected it in an entry of models[]",
        "model_entry: cannot be beside models[]; expected it in an entry of models[]",
    ]


def test_eas_builtin_processor_is_refused_without_processor_path(service_json: ServiceJson) -> None:
    """EAS's own run in the cloud only; beside a path the name says nothing."""
    (line,) = service_json.refused({"processor": "tensorflow_cpu_1.12", "model_path": "m"})
    assert line.startswith('service.json:1:15: processor: "tensorflow_cpu_1.12" is not defined in this description; ')
    assert line.endswith("EAS's own processors run in the cloud only, expected processor_path with a package of yours")
    description = service_json.read({"processor": "pmml", "processor_path": "p.zip"})
    assert description.models[0].processor == Processor("p.zip")
    assert description.notes == ("processor is ignored: processor_path beside it names the code",)


def test_containers_without_a_processor_are_refused(service_json: ServiceJson) -> None:
    """Containers cannot be run; beside a processor they are ignored."""
    container = {"image": "registry/x", "port": 8000}
    (line,) = service_json.refused({"containers": [container]})
    assert line.startswith("service.json:1:16: containers: ")
    assert line.endswith("or processor_path and processor_entry; containers themselves are not run here")
    (note,) = service_json.read({"containers": [container], "processor_path": "p.zip"}).notes
    assert note.startswith("containers[0].image, containers[0].port are ignored: containers are not run here; ")


def test_cloud_storage_is_ignored_and_wrong_storage_is_refused(service_json: ServiceJson) -> None:
    """Kinds that only the cloud has are ignored; an entry that names nothing, or two things, is a mistake."""
    description = service_json.read(
        {"storage": [{"mount_path": "/a", "nfs": {"path": "x"}}, {"mount_path": "/b", "oss.path": "b"}]}
    )
    assert description.storage == (Mount("/b", "b", "storage[1]"),)
    assert description.notes == ("storage[0].nfs is ignored: only oss, local and hostPath are supported here",)
    lines = service_json.refused({"storage": [{"mount_path": "/a"}, {"oss": {"path": "x"}, "local": {"path": "y"}}, 5]})
    assert [line.partition(": ")[2] for line in lines] == [
        "storage[0]: it has no source; expected one of oss.path, local.path and hostPath.path",
        "storage[1]: it has no mount_path; expected one",
        "storage[1]: it has several sources; expected one of oss.path, local.path and hostPath.path",
        "storage[2]: 5 is not an object; expected one, in { }",
    ]


def test_all_mistakes_are_reported_at_once(service_json: ServiceJson) -> None:
    """A wrong value does not hide what is wrong with what depends on the others."""
    lines = service_json.refused(
        '{"name": 5,\n"models": [{"name": "m", "uncompress": "maybe"}, {"name": "m"}],\n"storag": 5,\n"storage": [{}]}'
    )
    assert [line.split(": ")[0].removeprefix("service.json:") for line in lines] == [
        "1:10", "2:40", "2:59", "3:1", "4:13", "4:13",
    ]  # fmt: skip
