"""
From single values to a `Description`: what one key says of another is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from eas_host.description.cloud import CUDA, STORAGE
from eas_host.description.containers import started, tell_unused
from eas_host.description.definitions import ModelEntry, ModelKeys, ProcessorKeys, Service, StorageEntry
from eas_host.description.description import Model, Mount, Processor
from eas_host.description.findings import Findings, Loc
from eas_host.description.keys import SETTLED
from eas_host.description.known import nearest, table
from eas_host.description.mistakes import shown

_OWN: Final = "EAS's own processors run in the cloud only"


def options_of(service: Service) -> dict[str, Any]:
    """
    What *service* settles of the host's options. A token that is given needs not be made up.
    """
    options: dict[str, Any] = {}
    for known in table(Service).keys.values():
        if known.key.option:
            value: Any = service
            for step in known.loc:
                if step not in value.model_fields_set:
                    break
                value = getattr(value, step)
            else:
                options[known.key.option] = value
    if "token" in options:
        options.pop("generate_token", None)
    return options


def models_of(service: Service, mounts: Sequence[Mount], findings: Findings) -> tuple[Model, ...]:
    """
    The models of *service*, each with its processor, which may be in one of *mounts*.
    """
    processors = _by_name(service, findings)
    top = _processor(service)
    if service.processor is not None:
        top = _named(service.processor, top, processors, findings, ("processor",))
    top = started(top, service, mounts, findings)
    if not service.models:
        _tell_unused(processors, {service.processor}, findings)
        return (_model(service, None, top, ""),)
    for name in ("model_path", "model_entry", "model_config", "uncompress"):
        if (name,) in findings.spots:
            findings.wrong(findings.spot((name,)), "there are models[], too; expected it in one of them")
    _check_names(service, findings)
    _tell_unused(processors, {entry.processor for entry in service.models}, findings)
    models = tuple(
        _model(entry, entry.name, _processor_of(entry, index, top, processors, findings), f"models[{index}]")
        for index, entry in enumerate(service.models)
    )
    tell_unused(top, [model.processor for model in models], findings)
    return models


def mounts_of(service: Service, findings: Findings) -> Iterator[Mount]:
    """
    What *service* wants to be mounted.
    """
    excused = _excused(findings)
    for index, entry in enumerate(service.storage):
        sources = [source for source in _sources(entry) if source]
        spot = findings.spot(("storage", index))
        if len(sources) > 1 or not (sources or spot.label in excused):
            fault = "has several sources" if sources else "has no source"
            findings.wrong(spot, f"it {fault}; expected one of oss.path, local.path and hostPath.path")
        elif sources and entry.mount_path:
            yield Mount(entry.mount_path, sources[0], spot.label)


def cuda_of(service: Service, base: Path, findings: Findings) -> str:
    """
    The folder with CUDA's libraries, if *service* names one that is there; a relative path is meant from *base*.
    """
    if service.cuda in SETTLED:
        return ""
    text = service.cuda if isinstance(service.cuda, str) and "\0" not in service.cuda else ""
    if "/" not in text and not (text and (base / text).is_dir()):
        findings.ignore("cuda", CUDA)  # a version
        return ""
    folder = base / text / "lib64"
    if not folder.is_dir():
        findings.ignore("cuda", f"there is no folder {folder}; {CUDA}")
        return ""
    return str(folder)


def requirements_of(service: Service) -> tuple[str, ...]:
    """
    The Python packages that *service* asks for, at the top and for its containers.
    """
    lines = [*(service.requirements or ())]
    for container in service.containers:
        lines += [line for line in container.prepare.requirements or () if line not in lines]
    return tuple(lines)


def _sources(entry: StorageEntry) -> Iterator[str | None]:
    yield entry.oss.path
    yield entry.local.path
    yield entry.host_path.path


def _excused(findings: Findings) -> set[str]:
    """
    Which entries of `storage[]` need no source: they have one of a kind that is not read here, or a wrong one.
    """
    unread = {label.partition(".")[0] for label in (*findings.ignored.get(STORAGE, ()), *findings.unknown)}
    return unread | {f"storage[{loc[1]}]" for loc in findings.dropped if loc[0] == "storage" and len(loc) > 1}


def _processor(keys: ProcessorKeys) -> Processor:
    return Processor(
        path=keys.processor_path or "",
        entry=keys.processor_entry or "",
        type=keys.processor_type,
        mainclass=keys.processor_mainclass,
        jvm_options=keys.processor_jvm_options or (),
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


def _over(base: Processor, own: Processor) -> Processor:
    """
    What *own* says, and the rest as *base* says. A path of its own is a processor of its own, and arguments are those
    of one program.
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
    )


def _by_name(service: Service, findings: Findings) -> dict[str, Processor]:
    processors: dict[str, Processor] = {}
    for index, entry in enumerate(service.processors):
        if entry.name in processors:
            _twice(findings, "processors", index, [other.name for other in service.processors])
        elif entry.name is not None:
            processors[entry.name] = _processor(entry)
    return processors


def _processor_of(
    entry: ModelEntry, index: int, top: Processor, processors: dict[str, Processor], findings: Findings
) -> Processor:
    own = _processor(entry)
    if entry.processor is None:
        return _over(top, own)
    return _named(entry.processor, own, processors, findings, ("models", index, "processor"))


def _named(name: str, own: Processor, processors: dict[str, Processor], findings: Findings, loc: Loc) -> Processor:
    """
    The processor that is called *name*, with the keys beside that name over its own. A name that nobody defines is one
    of EAS's own; that is no matter where a path is given, too.
    """
    if name in processors:
        return _over(processors[name], own)
    spot = findings.spot(loc)
    if own.path:
        findings.notes.append(f"{spot.label} is ignored: processor_path beside it names the code")
        return own
    near = nearest(name, processors)
    hint = f"did you mean {shown(near)}?" if near else f"{_OWN}, expected processor_path with a package of yours"
    missing = "is not in processors[]" if processors else "is none of this description's"
    findings.wrong(spot, f"{shown(name)} {missing}; {hint}")
    return own


def _check_names(service: Service, findings: Findings) -> None:
    names = [entry.name for entry in service.models]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            _twice(findings, "models", index, names)


def _twice(findings: Findings, key: str, index: int, names: list[str | None]) -> None:
    spot = findings.spot((key, index, "name"))
    before = names.index(names[index])
    first = findings.spot((key, before, "name")).place.beside(spot.place)
    findings.wrong(spot, f"{shown(names[index])} is the name of {key}[{before}], too, at {first}; expected another one")


def _tell_unused(processors: dict[str, Processor], used: set[str | None], findings: Findings) -> None:
    findings.notes.extend(f"processor {shown(name)} is used by no model" for name in processors if name not in used)
