"""
From a file to a `Description`, step by step.

1. Read the text of the file (here).
2. Parse it to a tree of values with positions (`syntax.lenient_json`).
3. Apply the overrides of `-D` to the tree (`steps.overrides`).
4. Move each value to the documented place of its key (`steps.normalize`).
5. Convert and check each value (`steps.validate`).
6. Resolve what depends on several keys (`steps.resolve`, `steps.resolve_models`).

Each step adds its errors to the same list and continues. The result is a `Description`, or all errors at once.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.description.description import Description
from eas_host.description.diagnostics.diagnostics import Diagnostics
from eas_host.description.diagnostics.errors import Errors
from eas_host.description.diagnostics.source_position import SourcePosition
from eas_host.description.diagnostics.wording import format_value
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.steps.normalize import check_duplicates, normalize
from eas_host.description.steps.overrides import apply_overrides
from eas_host.description.steps.resolve import cuda_of, mounts_of, options_of, requirements_of
from eas_host.description.steps.resolve_models import models_of
from eas_host.description.steps.validate import validate
from eas_host.description.syntax.json_tree import JsonObject, to_python
from eas_host.description.syntax.lenient_json import parse
from eas_host.errors import ConfigError

MAX_BYTES: Final = 1024 * 1024
"""A description has a few kilobytes. A larger file is something else, such as the archive of the model."""
_OTHER_FORMATS: Final = {
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x7fELF": "ELF",
}


def read(path: Path, overrides: Sequence[str] = (), *, keeps_cloud_values: bool = False) -> Description:
    """
    Read the description in *path*, changed by the *overrides*, each `KEY=VALUE`. *keeps_cloud_values*: the caller can
    do something about keys that only the cloud supports, so they are kept instead of noted.

    Raises:
        ConfigError: it cannot be read, or it has errors, which are all listed.
    """
    errors = Errors(str(path))
    diagnostics = Diagnostics(errors, cloud_values={} if keeps_cloud_values else None)
    root = parse(read_text(path, diagnostics), str(path), errors, diagnostics.notes)
    if not isinstance(root, JsonObject):
        if root is not None:
            errors.add(root.position, f"found {format_value(to_python(root))}; expected a description in {{ }}")
        errors.check()
        root = JsonObject(SourcePosition(str(path)))  # for mypy: `check` has raised
    apply_overrides(root, list(overrides), diagnostics)
    check_duplicates(root, diagnostics)
    service = validate(normalize(root, ServiceDefinition, diagnostics), diagnostics)
    mounts = tuple(mounts_of(service, diagnostics))
    models = models_of(service, [mount for mount in mounts if mount.source], diagnostics)
    cuda = cuda_of(service, path.absolute().parent, diagnostics)
    errors.check()
    return Description(
        file=path.absolute(),
        name=service.name,
        models=models,
        warm_up=service.warm_up_data_path or "",
        environment={item.name: item.value or "" for item in service.environment if item.name is not None},
        requirements=requirements_of(service),
        storage=mounts,
        cuda=cuda,
        options=options_of(service),
        origins={label: str(position) for label, position in diagnostics.origins.items()},
        notes=tuple(diagnostics.all_notes()),
        usual_notes=tuple(diagnostics.usual_notes()),
        cloud_values=diagnostics.cloud_values or {},
        text=json.dumps(to_python(root), ensure_ascii=False),
    )


def read_text(path: Path, diagnostics: Diagnostics) -> str:
    """
    Return the text of the file *path*, without a byte order mark.

    Raises:
        ConfigError: it cannot be read, or is no text in UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: it is a folder; expected a file such as {path / 'service.json'}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path}: cannot be read: {reason}; expected the JSON file of a service") from error
    if not data.strip():
        raise ConfigError(f"{path}: it is empty; expected the JSON of a service")
    if data.startswith(codecs.BOM_UTF8):
        data = data.removeprefix(codecs.BOM_UTF8)
        diagnostics.notes.append(f"{path}: it begins with a byte order mark, which JSON does not have; accepted")
    if kind := next((kind for mark, kind in _OTHER_FORMATS.items() if data.startswith(mark)), None):
        raise ConfigError(f"{path}: it is {kind}; expected JSON in UTF-8")
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: it has more than {MAX_BYTES // 1024} KiB; expected the JSON of a service")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: the byte 0x{data[error.start]:02x} is not UTF-8; expected UTF-8") from error
