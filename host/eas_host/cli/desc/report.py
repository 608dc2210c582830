"""
The report of `eas-host desc`, the object that `--json` prints.

Each value has its source: `file:line:column`, a flag, a variable, or `default`. Tokens are hidden.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from eas_host.check.finding import Report
from eas_host.check.processor import check_processor
from eas_host.cli.things.description_command import DescriptionCommand
from eas_host.cli.things.processor_command import ProcessorCommand
from eas_host.cli.workspace_paths import WorkspacePaths
from eas_host.config import ResolvedConfig
from eas_host.config.host import OPTIONS
from eas_host.deploy import confinement
from eas_host.deploy.cli_overrides import SINGLE_PROCESSOR_OPTIONS, apply_overrides
from eas_host.deploy.deployment import Deployment, ProcessorDeployment
from eas_host.description import Description, Model
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.keys.key_index import index_keys
from eas_host.errors import HostError
from eas_host.fetch import urls
from eas_runtime.worker_spec import WorkerSpec

_HIDDEN: Final = "***"
_NOT_LISTED: Final = frozenset({*SINGLE_PROCESSOR_OPTIONS, "name", "warm_up"})
_OPTION_KEYS: Final = {
    key.declaration.option: key.name for key in index_keys(ServiceDefinition).keys.values() if key.declaration.option
}
"""The key of a description that sets an option, by the option's name."""


def make_report(
    command: DescriptionCommand | ProcessorCommand, description: Description, resolved: ResolvedConfig
) -> dict[str, Any]:
    """
    Make the report on *description*. Files are prepared as for a start and removed.
    """
    problems: list[str] = []
    deployed: tuple[ProcessorDeployment | None, ...] = (None,) * len(description.models)
    deployment: Deployment | None = None
    try:
        deployment = command.prepare(description, resolved)
        deployed = deployment.processors
        description = apply_overrides(description, resolved)
    except HostError as error:
        problems.append(error.message)
    workspace = WorkspacePaths(resolved.config)
    models = [
        _model(model, processor, description, resolved, workspace)
        for model, processor in zip(description.models, deployed, strict=True)
    ]
    problems += [problem for model in models for problem in model["abi"].pop("problems", ())]
    problems = [workspace.shorten_in(problem) for problem in problems]
    source = resolved.sources.get("name") or _origin(description, "name")
    report = {
        "name": {"value": deployment.name if deployment else description.name, "source": source},
        "file": command.shown_file,
        "models": models,
        "options": dict(_option_values(description, resolved)),
        "storage": [
            {"mount_path": one.mount_path, "source": urls.without_credentials(one.source)}
            for one in description.storage
        ],
        "warm_up": _value(*_with_source(description, resolved, "warm_up", description.warm_up, "warm_up_data_path")),
        "notes": [*description.notes, *description.usual_notes],
        "problems": problems,
    }
    if deployment is not None:
        deployment.discard()
    return report


def _model(
    model: Model,
    deployed: ProcessorDeployment | None,
    description: Description,
    resolved: ResolvedConfig,
    workspace: WorkspacePaths,
) -> dict[str, Any]:
    processor = model.processor
    values = {
        "processor_path": ("", processor.path),
        "processor_entry": ("entry", processor.entry),
        "processor_type": ("processor_type", processor.type),
        "processor_mainclass": ("mainclass", processor.mainclass),
        "processor_jvm_options": ("jvm_options", " ".join(processor.jvm_options)),
        "python_version": ("python", resolved.config.python or processor.python_version),
        "arguments": ("arguments", shlex.join(resolved.config.arguments or processor.arguments)),
        "model_path": ("", model.path),
        "model_entry": ("model_entry", model.entry),
        "model_config": ("model_config", model.config),
    }
    prefixes = _key_prefixes(model, description)
    keys = {"processor_entry": processor.entry_key, "arguments": processor.arguments_key}
    if processor.path and not model.where:
        keys["processor_path"] = processor.entry_key  # the program of a container may name its folder
    described: dict[str, Any] = {"name": model.name}
    for key, (option, value) in values.items():
        text = urls.without_credentials(value) if value and urls.is_url(value) else value
        label = next((prefix + key for prefix in prefixes if prefix + key in description.origins), keys.get(key, ""))
        described[key] = _value(*_with_source(description, resolved, option, text, label))
    described["resolved"] = workspace.shorten_all(_resolved(deployed.spec)) if deployed is not None else None
    found = _check(deployed.spec, resolved) if deployed is not None else Report()
    described["abi"] = {**workspace.shorten_all(found.facts), "problems": found.problems}
    return described


def _check(spec: WorkerSpec, resolved: ResolvedConfig) -> Report:
    return check_processor(spec, confinement.command_confiner(resolved.config, Path(spec.entry).parent, *spec.packages))


def _key_prefixes(model: Model, description: Description) -> list[str]:
    """
    How the keys of *model* begin: with its entry in `models[]`, or with that of its processor in `processors[]`.
    """
    if not model.where:
        return [""]
    wanted = description.models.index(model)
    content = json.loads(description.text)
    name = content["models"][wanted].get("processor")
    processors = content.get("processors") or []
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


def _option_values(description: Description, resolved: ResolvedConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in OPTIONS:
        if name in _NOT_LISTED:
            continue
        value = getattr(resolved.config, name)
        if name == "token" and value is not None:
            value = _HIDDEN
        elif name == "listen":
            value = value.authority
        yield name, _value(*_with_source(description, resolved, name, value, _OPTION_KEYS.get(name, "")))


def _with_source(
    description: Description,
    resolved: ResolvedConfig,
    option: str,
    value: Any,  # noqa: ANN401  any JSON
    key: str,
) -> tuple[Any, str]:
    """
    The *value* and its source: the flag or variable of *option*, the position of *key* in the description, or the
    default.
    """
    if option in resolved.sources:
        return value, resolved.sources[option]
    return value, _origin(description, key)


def _origin(description: Description, key: str) -> str:
    return description.origins.get(key, "default")


def _value(value: Any, source: str) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"value": list(value) if isinstance(value, tuple) else value, "source": source}
