"""
The command `eas-host desc`: what a service description would run, and where each value comes from.

What it names is fetched and laid out as for a start, looked into, and removed again; nothing of the processor runs.
What is wrong stands at the end: a description that cannot be served is what one most wants to have described.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from eas_host.cli.options import flag
from eas_host.cli.service import Service, make_command
from eas_host.config import HostConfig, ResolvedConfig, WorkerSpec
from eas_host.deploy.cli_overrides import SINGLE_PROCESSOR_OPTIONS, apply_overrides
from eas_host.deploy.deployment import Deployment, ProcessorDeployment
from eas_host.deploy.package import inspection
from eas_host.deploy.workspace.workspace import cache_folder
from eas_host.description import Description, Model
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.keys.key_index import index_keys
from eas_host.errors import EntryInvalid, HostError
from eas_host.fetch import urls

_ABOUT: Final = "Say what a service description would run, and where each value comes from; run nothing."
_EPILOG: Final = """\
The table has a row for each value with its origin in brackets: file:line:column, a flag, a variable, or the default.
--json prints one object instead: name, file, models[] (each value as {"value", "source"}; `resolved`: the files, from
the workspace; `abi`: what they promise), options, storage[], warm_up, notes[] and problems[]. Tokens are not shown.

Exit codes: 0 it can be served, 2 a wrong option or description, 3 there is a problem.
"""
_HIDDEN: Final = "***"
_NOT_SHOWN: Final = frozenset({*SINGLE_PROCESSOR_OPTIONS, "name", "warm_up"})
_OPTION_KEYS: Final = {
    key.declaration.option: key.name for key in index_keys(ServiceDefinition).keys.values() if key.declaration.option
}
"""How descriptions call an option."""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: a word or the description is wrong.
    """
    parser = make_command("desc", _ABOUT, _EPILOG)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    service = Service(parser, argv)
    as_json = "json" in service.words
    description, reading = service.read()
    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
        described = _describe(service, description, reading)
    _print(json.dumps(described, indent=2, ensure_ascii=False) if as_json else "\n".join(_table(described)))
    return EntryInvalid.exit_code if described["problems"] else 0


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = None  # `eas-host desc | head`: whoever reads has seen enough


def _describe(service: Service, description: Description, reading: ResolvedConfig) -> dict[str, Any]:
    """
    Make the object that `--json` prints.
    """
    problems: list[str] = []
    parts: tuple[ProcessorDeployment | None, ...] = (None,) * len(description.models)
    deployment: Deployment | None = None
    try:
        deployment = service.make(description, reading)
        parts = deployment.processors
        description = apply_overrides(description, reading)
    except HostError as error:
        problems.append(error.message)
    workspace = _Shortener(reading)
    models = [
        _model(model, part, description, reading, workspace)
        for model, part in zip(description.models, parts, strict=True)
    ]
    problems += [problem for model in models for problem in model["abi"].pop("problems", ())]
    source = reading.sources.get("name") or _origin(description, "name")
    described = {
        "name": {"value": deployment.name if deployment else description.name, "source": source},
        "file": str(description.file),
        "models": models,
        "options": dict(_options(description, reading)),
        "storage": [
            {"mount_path": one.mount_path, "source": urls.without_credentials(one.source)}
            for one in description.storage
        ],
        "warm_up": _value(*_first(description, reading, "warm_up", description.warm_up, "warm_up_data_path")),
        "notes": list(description.notes),
        "problems": problems,
    }
    if deployment is not None:
        deployment.discard()
    return described


class _Shortener:
    """
    Shows paths in the workspace from there: it is gone when they are read.
    """

    def __init__(self, reading: ResolvedConfig) -> None:
        self._root = cache_folder(reading.config) / "workspaces"

    def __call__(self, path: str) -> str:
        """
        Shorten *path*.
        """
        if not Path(path).is_relative_to(self._root):
            return path
        slash = "/" if path.endswith("/") else ""
        return str(Path(*Path(path).relative_to(self._root).parts[1:])) + slash

    def all(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """
        Shorten all texts in *value*.
        """
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self.all(one) for one in value]
        return {key: self.all(one) for key, one in value.items()} if isinstance(value, dict) else value


def _model(
    model: Model,
    part: ProcessorDeployment | None,
    description: Description,
    reading: ResolvedConfig,
    shorten: _Shortener,
) -> dict[str, Any]:
    processor = model.processor
    values = {
        "processor_path": ("", processor.path),
        "processor_entry": ("entry", processor.entry),
        "processor_type": ("processor_type", processor.type),
        "processor_mainclass": ("mainclass", processor.mainclass),
        "processor_jvm_options": ("jvm_options", " ".join(processor.jvm_options)),
        "arguments": ("arguments", shlex.join(reading.config.arguments or processor.arguments)),
        "model_path": ("", model.path),
        "model_entry": ("model_entry", model.entry),
        "model_config": ("model_config", model.config),
    }
    places = _places(model, description)
    keys = {"processor_entry": processor.entry_key, "arguments": processor.arguments_key}
    if processor.path and not model.where:
        keys["processor_path"] = processor.entry_key  # a container's program can bring its folder
    described: dict[str, Any] = {"name": model.name}
    for key, (option, value) in values.items():
        shown = urls.without_credentials(value) if value and urls.is_url(value) else value
        label = next((place + key for place in places if place + key in description.origins), keys.get(key, ""))
        described[key] = _value(*_first(description, reading, option, shown, label))
    described["resolved"] = shorten.all(_resolved(part.spec)) if part is not None else None
    looked = inspection.inspect(part.spec) if part is not None else inspection.Inspection()
    described["abi"] = {**shorten.all(looked.facts), "problems": looked.problems}
    return described


def _places(model: Model, description: Description) -> list[str]:
    """
    What the keys of *model* may begin with: its own entry, and that of the processor that it names.
    """
    if not model.where:
        return [""]
    wanted = description.models.index(model)
    told = json.loads(description.text)
    name = told["models"][wanted].get("processor")
    processors = told.get("processors") or []
    named = [f"processors[{number}]." for number, one in enumerate(processors) if name and one.get("name") == name]
    return [f"{model.where}.", *named]


def _resolved(spec: WorkerSpec) -> dict[str, Any]:
    return {
        "type": spec.type,
        "entry": spec.entry,
        "python_class": spec.python_class,
        "folder": spec.folder,
        "classpath": list(spec.classpath),
        "model_entry": spec.model_entry,
        "interpreter": (spec.interpreter or sys.executable) if spec.type == "python" else None,
        "packages": list(spec.packages),
        "environment": sorted(spec.environment),
    }


def _options(description: Description, reading: ResolvedConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    for field in fields(HostConfig):
        name = field.name
        if name in _NOT_SHOWN or "option" not in field.metadata:
            continue
        value = getattr(reading.config, name)
        if name == "token" and value is not None:
            value = _HIDDEN
        elif name == "listen":
            value = value.authority
        yield name, _value(*_first(description, reading, name, value, _OPTION_KEYS.get(name, "")))


def _first(
    description: Description,
    reading: ResolvedConfig,
    option: str,
    value: Any,  # noqa: ANN401  any JSON
    key: str,
) -> tuple[Any, str]:
    """
    A *value* and what gave it: a flag or variable for *option*, the *key* of the description, or the default.
    """
    if option in reading.sources:
        return value, reading.sources[option]
    return value, _origin(description, key)


def _origin(description: Description, key: str) -> str:
    return description.origins.get(key, "default")


def _value(value: Any, source: str) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"value": list(value) if isinstance(value, tuple) else value, "source": source}


# -- the table


def _table(described: Mapping[str, Any]) -> Iterator[str]:
    """
    The lines of EASCMD's form: two columns, keys to the right (docs/eas-compatibility.md, section 9).
    """
    groups = [list(_service_rows(described)), *(list(_model_rows(model)) for model in described["models"])]
    groups.append([(flag(name)[2:], _cell(value)) for name, value in described["options"].items()])
    if described["problems"]:
        groups.append([("Problem", problem) for problem in described["problems"]])
    rows = [row for group in groups for row in group]
    left = max(len(key) for key, _ in rows)
    right = max(len(line) for _, text in rows for line in text.splitlines() or [""])
    rule = f"+{'-' * (left + 2)}+{'-' * (right + 2)}+"
    for group in groups:
        yield rule
        for key, text in group:
            for number, line in enumerate(text.splitlines() or [""]):
                yield f"| {key if number == 0 else '':>{left}} | {line:<{right}} |"
    yield rule


def _service_rows(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "ServiceName", _cell(described["name"])
    yield "ServiceConfig", described["file"]
    if described["warm_up"]["value"]:
        yield "WarmUp", _cell(described["warm_up"])
    for mount in described["storage"]:
        yield "Storage", f"{mount['source']} at {mount['mount_path']}"
    for note in described["notes"]:
        yield "Note", note


_ROWS: Final = {
    "processor_path": "ProcessorPath",
    "processor_entry": "ProcessorEntry",
    "processor_type": "ProcessorType",
    "processor_mainclass": "MainClass",
    "processor_jvm_options": "JvmOptions",
    "arguments": "Arguments",
    "model_path": "ModelPath",
    "model_entry": "ModelEntry",
    "model_config": "ModelConfig",
}
_RESOLVED_ROWS: Final = {
    "type": "Type",
    "entry": "Entry",
    "python_class": "Class",
    "folder": "WorkingFolder",
    "model_entry": "Model",
    "interpreter": "Interpreter",
    "packages": "Packages",
    "environment": "Environment",
}
_ABI_ROWS: Final = {
    "machine": "Machine",
    "exports": "Exports",
    "libraries": "Libraries",
    "missing": "MissingLibraries",
    "starts_python": "StartsPython",
    "layout": "Layout",
    "jars": "Jars",
    "java": "JavaVersion",
    "processors": "Processors",
}


def _model_rows(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if model["name"] is not None:
        yield "ModelName", model["name"]
    for key, name in _ROWS.items():
        if model[key]["value"] not in (None, ""):
            yield name, _cell(model[key])
    for key, name in _RESOLVED_ROWS.items():
        if model["resolved"] and (value := model["resolved"][key]):
            yield name, _text(value)
    for key, name in _ABI_ROWS.items():
        if value := model["abi"].get(key):
            yield name, _text(value)


def _cell(value: Mapping[str, Any]) -> str:
    text = _text(value["value"])
    return f"{text} [{value['source']}]" if text else f"[{value['source']}]"


def _text(value: Any) -> str:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        return "\n".join(f"{key}: {one}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
