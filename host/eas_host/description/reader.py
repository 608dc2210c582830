"""
From a file to a `Description`.

The way of a description: text (here) - tree with places (tolerant.py) - edited by `-D` (overrides.py) - keys at their
documented places (settling.py) - values (validating.py) - what they mean together (assembly.py). Each step adds its
mistakes to the same list and goes on; the end is a `Description`, or all of the mistakes.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.description.assembly import cuda_of, models_of, mounts_of, options_of, requirements_of
from eas_host.description.definitions import Service
from eas_host.description.description import Description
from eas_host.description.findings import Findings
from eas_host.description.mistakes import Mistakes, shown
from eas_host.description.nodes import Object, Place, plain
from eas_host.description.overrides import override
from eas_host.description.settling import check_duplicates, settle
from eas_host.description.tolerant import parse
from eas_host.description.validating import validate
from eas_host.errors import ConfigError

MAX_BYTES: Final = 1024 * 1024
"""A description has a few kilobytes. What is larger is something else, such as the model's archive."""
_BOMS: Final = {
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x7fELF": "ELF",
}


def read(path: Path, overrides: Sequence[str] = ()) -> Description:
    """
    Read the description in *path*, after the *overrides*, each `key=value`, are applied.

    Raises:
        ConfigError: it cannot be read, or is wrong; with all its mistakes.
    """
    mistakes = Mistakes(str(path))
    findings = Findings(mistakes)
    root = parse(_text(path, findings), str(path), mistakes, findings.notes)
    if not isinstance(root, Object):
        if root is not None:
            mistakes.add(root.place, f"found {shown(plain(root))}; expected a description in {{ }}")
        mistakes.check()
        root = Object(Place(str(path)))  # never: what is no object is a mistake
    override(root, list(overrides), findings)
    check_duplicates(root, findings)
    service = validate(settle(root, Service, findings), findings)
    mounts = tuple(mounts_of(service, findings))
    models = models_of(service, mounts, findings)
    cuda = cuda_of(service, path.absolute().parent, findings)
    mistakes.check()
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
        origins={label: str(place) for label, place in findings.settled.items()},
        notes=tuple(findings.all_notes()),
        text=json.dumps(plain(root), ensure_ascii=False),
    )


def _text(path: Path, findings: Findings) -> str:
    """
    The text of *path*, without a byte order mark.
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
        findings.notes.append(f"{path}: it begins with a byte order mark, which JSON has not; accepted")
    if kind := next((kind for mark, kind in _BOMS.items() if data.startswith(mark)), None):
        raise ConfigError(f"{path}: it is {kind}; expected JSON in UTF-8")
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: it has more than {MAX_BYTES // 1024} KiB; expected the JSON of a service")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: the byte 0x{data[error.start]:02x} is no UTF-8; expected UTF-8") from error
