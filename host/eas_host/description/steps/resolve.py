"""
From single values to the parts of a `Description`: what needs several keys, or a look at the file system.

Models and their processors are in `resolve_models`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eas_host.description.description import Mount
from eas_host.description.diagnostics.diagnostics import Diagnostics
from eas_host.description.keys.declaration import HARMLESS_VALUES
from eas_host.description.keys.definitions import ServiceDefinition, StorageItem
from eas_host.description.keys.key_index import index_keys
from eas_host.description.keys.unsupported_keys import CUDA, STORAGE


def options_of(service: ServiceDefinition) -> dict[str, Any]:
    """
    The options of the host that *service* sets. If it has a token, none is generated.
    """
    options: dict[str, Any] = {}
    for key in index_keys(ServiceDefinition).keys.values():
        if key.declaration.option:
            value: Any = service
            for step in key.data_path:
                if step not in value.model_fields_set:
                    break
                value = getattr(value, step)
            else:
                options[key.declaration.option] = value
    if "token" in options:
        options.pop("generate_token", None)
    return options


def mounts_of(service: ServiceDefinition, diagnostics: Diagnostics) -> Iterator[Mount]:
    """
    The entries of `storage[]` that can be mounted here; wrong ones are reported.
    """
    without_source = _without_source(diagnostics)
    for index, entry in enumerate(service.storage):
        sources = [source for source in _sources(entry) if source]
        location = diagnostics.locate(("storage", index))
        if len(sources) > 1 or not (sources or location.label in without_source):
            fault = "has several sources" if sources else "has no source"
            diagnostics.add_error(location, f"it {fault}; expected one of oss.path, local.path and hostPath.path")
        elif sources and entry.mount_path:
            yield Mount(entry.mount_path, sources[0], location.label)
        elif entry.mount_path and location.label in _in_cloud(diagnostics):
            yield Mount(entry.mount_path, "", location.label)


def cuda_of(service: ServiceDefinition, base: Path, diagnostics: Diagnostics) -> str:
    """
    The folder with CUDA's libraries, if *service* names one that exists; a relative path starts at *base*.
    """
    if service.cuda in HARMLESS_VALUES:
        return ""
    text = service.cuda if isinstance(service.cuda, str) and "\0" not in service.cuda else ""
    if "/" not in text and not (text and (base / text).is_dir()):
        diagnostics.ignore_key("cuda", CUDA)  # a version
        return ""
    folder = base / text / "lib64"
    if not folder.is_dir():
        diagnostics.ignore_key("cuda", f"there is no folder {folder}; {CUDA}")
        return ""
    return str(folder)


def requirements_of(service: ServiceDefinition) -> tuple[str, ...]:
    """
    The Python packages that *service* requires, at the top and in its containers.
    """
    lines = [*(service.requirements or ())]
    for container in service.containers:
        lines += [line for line in container.prepare.requirements or () if line not in lines]
    return tuple(lines)


def _sources(entry: StorageItem) -> Iterator[str | None]:
    yield entry.oss.path
    yield entry.local.path
    yield entry.host_path.path


def _without_source(diagnostics: Diagnostics) -> set[str]:
    """
    The labels of entries of `storage[]` that need no source: they have one of a kind that is not supported here, or
    one that was rejected.
    """
    unused_keys = (*diagnostics.ignored_keys.get(STORAGE, ()), *diagnostics.unknown_keys)
    rejected = {f"storage[{path[1]}]" for path in diagnostics.rejected if path[0] == "storage" and len(path) > 1}
    return rejected | _in_cloud(diagnostics) | {key.partition(".")[0] for key in unused_keys}


def _in_cloud(diagnostics: Diagnostics) -> set[str]:
    """
    The labels of entries of `storage[]` whose sources were kept, since a cluster may have them.
    """
    kept = diagnostics.cloud_values or {}
    return {label.partition(".")[0] for label, one in kept.items() if one.reason == STORAGE}
