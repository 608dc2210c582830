"""
The report of `eas-host desc` as a table, in the form of EASCMD: two columns, with the keys aligned to the right
(docs/eas-compatibility.md, section 9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from eas_host.config.host import flag

_ROWS: Final = {
    "processor_path": "ProcessorPath",
    "processor_entry": "ProcessorEntry",
    "processor_type": "ProcessorType",
    "processor_mainclass": "MainClass",
    "processor_jvm_options": "JvmOptions",
    "python_version": "PythonVersion",
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
    "python": "InterpreterVersion",
    "installed": "InstalledPackages",
    "missing_modules": "MissingModules",
    "processors": "Processors",
}


def format_table(report: Mapping[str, Any]) -> Iterator[str]:
    """
    The lines of the table.
    """
    groups = [list(_service_rows(report)), *(list(_model_rows(model)) for model in report["models"])]
    groups.append([(flag(name)[2:], _cell(value)) for name, value in report["options"].items()])
    if report["problems"]:
        groups.append([("Problem", problem) for problem in report["problems"]])
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


def _service_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "ServiceName", _cell(report["name"])
    if report["file"] is not None:
        yield "ServiceConfig", report["file"]
    if report["warm_up"]["value"]:
        yield "WarmUp", _cell(report["warm_up"])
    for mount in report["storage"]:
        yield "Storage", f"{mount['source']} at {mount['mount_path']}"
    for note in report["notes"]:
        yield "Note", note


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
        if (value := model["abi"].get(key)) or value == 0:
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
