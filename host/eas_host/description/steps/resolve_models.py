"""
From the keys of models, processors and containers to models, each with its processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eas_host.description.description import Model, Mount, Processor
from eas_host.description.diagnostics.diagnostics import DataPath, Diagnostics
from eas_host.description.diagnostics.wording import format_value
from eas_host.description.keys.closest_name import closest_name
from eas_host.description.keys.definitions import ModelItem, ModelKeys, ProcessorKeys, ServiceDefinition
from eas_host.description.steps.containers import apply_containers, note_unused_program

_BUILT_IN: Final = "EAS's own processors run in the cloud only"


def models_of(service: ServiceDefinition, mounts: Sequence[Mount], diagnostics: Diagnostics) -> tuple[Model, ...]:
    """
    The models of *service*, each with its processor. The program of a container may be in one of the *mounts*.
    """
    processors = _named_processors(service, diagnostics)
    top = _processor(service)
    if service.processor is not None:
        top = _find_processor(service.processor, top, processors, diagnostics, ("processor",))
    top = apply_containers(top, service, mounts, diagnostics)
    if not service.models:
        _note_unused(processors, {service.processor}, diagnostics)
        return (_model(service, None, top, ""),)
    for name in ("model_path", "model_entry", "model_config", "uncompress"):
        if (name,) in diagnostics.locations:
            text = "cannot be beside models[]; expected it in an entry of models[]"
            diagnostics.add_error(diagnostics.locate((name,)), text)
    _check_names(service, diagnostics)
    _note_unused(processors, {entry.processor for entry in service.models}, diagnostics)
    models = tuple(
        _model(entry, entry.name, _processor_of(entry, index, top, processors, diagnostics), f"models[{index}]")
        for index, entry in enumerate(service.models)
    )
    note_unused_program(top, [model.processor for model in models], diagnostics)
    return models


def _processor(keys: ProcessorKeys) -> Processor:
    return Processor(
        path=keys.processor_path or "",
        entry=keys.processor_entry or "",
        type=keys.processor_type,
        mainclass=keys.processor_mainclass,
        jvm_options=keys.processor_jvm_options or (),
        python_version=keys.python_version or "",
    )


def _model(keys: ModelKeys, name: str | None, processor: Processor, where: str) -> Model:
    return Model(
        name=name,
        path=keys.model_path or "",
        entry=keys.model_entry,
        config=keys.config or "",
        uncompress=keys.uncompress,
        processor=processor,
        where=where,
    )


def _merge(base: Processor, own: Processor) -> Processor:
    """
    The values of *own*, and those of *base* for what it leaves open. With a path, *own* is another processor and takes
    nothing from *base*; with an entry, it is another program and does not take the arguments.
    """
    if own.path:
        return own
    return Processor(
        path=base.path,
        entry=own.entry or base.entry,
        type=own.type or base.type,
        mainclass=own.mainclass or base.mainclass,
        jvm_options=own.jvm_options or base.jvm_options,
        arguments=() if own.entry else base.arguments,
        entry_key="" if own.entry else base.entry_key,
        arguments_key="" if own.entry else base.arguments_key,
        python_version=own.python_version or base.python_version,
    )


def _named_processors(service: ServiceDefinition, diagnostics: Diagnostics) -> dict[str, Processor]:
    processors: dict[str, Processor] = {}
    for index, entry in enumerate(service.processors):
        if entry.name in processors:
            _report_duplicate(diagnostics, "processors", index, [other.name for other in service.processors])
        elif entry.name is not None:
            processors[entry.name] = _processor(entry)
    return processors


def _processor_of(
    entry: ModelItem, index: int, top: Processor, processors: dict[str, Processor], diagnostics: Diagnostics
) -> Processor:
    own = _processor(entry)
    if entry.processor is None:
        return _merge(top, own)
    return _find_processor(entry.processor, own, processors, diagnostics, ("models", index, "processor"))


def _find_processor(
    name: str, own: Processor, processors: dict[str, Processor], diagnostics: Diagnostics, data_path: DataPath
) -> Processor:
    """
    The processor with this *name* in `processors[]`, overridden by *own*, the keys beside the name.

    Another name is that of a processor that is built into EAS, or an error; it is ignored if *own* has a path.
    """
    if name in processors:
        return _merge(processors[name], own)
    location = diagnostics.locate(data_path)
    if own.path:
        diagnostics.notes.append(f"{location.label} is ignored: processor_path beside it names the code")
        return own
    near = closest_name(name, processors)
    hint = (
        f"did you mean {format_value(near)}?"
        if near
        else f"{_BUILT_IN}, expected processor_path with a package of yours"
    )
    missing = "is not in processors[]" if processors else "is not defined in this description"
    diagnostics.add_error(location, f"{format_value(name)} {missing}; {hint}")
    return own


def _check_names(service: ServiceDefinition, diagnostics: Diagnostics) -> None:
    names = [entry.name for entry in service.models]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            _report_duplicate(diagnostics, "models", index, names)


def _report_duplicate(diagnostics: Diagnostics, key: str, index: int, names: list[str | None]) -> None:
    """
    Report that the item *index* of the list *key* has the same one of the *names* as an item before it.
    """
    location = diagnostics.locate((key, index, "name"))
    before = names.index(names[index])
    first = diagnostics.locate((key, before, "name")).position.relative_to(location.position)
    text = f"{format_value(names[index])} is the name of {key}[{before}], too, at {first}; expected another one"
    diagnostics.add_error(location, text)


def _note_unused(processors: dict[str, Processor], used: set[str | None], diagnostics: Diagnostics) -> None:
    unused = (name for name in processors if name not in used)
    diagnostics.notes.extend(f"processor {format_value(name)} is used by no model" for name in unused)
