"""
Files of this machine that a description names. No pod can fetch them: either they are at URLs, or the image has them.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eas_host.description import Description, Model
from eas_host.errors import ConfigError, NotInCluster
from eas_host.fetch import urls

FOLDER: Final = "/processor"
"""Where the description lies in the pod, and relative paths in it start: the folder of the image for processors."""


class NamedFile(NamedTuple):
    """
    A file or folder that a key of a description names.
    """

    key: str
    text: str


def named_files(description: Description) -> list[NamedFile]:
    """
    All files and folders that *description* names, those at URLs included.

    Raises:
        ConfigError: a model has no processor.
    """
    found: dict[NamedFile, None] = {}
    for model in description.models:
        found |= dict.fromkeys(_of_model(model, description))
    if description.warm_up:
        found[NamedFile("warm_up_data_path", description.warm_up)] = None
    for mount in description.storage:
        if mount.source:
            keys = (f"{mount.where}.{kind}.path" for kind in ("oss", "local", "hostPath"))
            found[NamedFile(_first_key(keys, description), mount.source)] = None
    return list(found)


def local_files(files: Sequence[NamedFile], mounted: Sequence[str]) -> list[NamedFile]:
    """
    Return those of *files* that only this machine has. What is below the paths *mounted*, the cluster mounts.
    """
    return [file for file in files if not urls.is_url(file.text) and not _is_below(file.text, mounted)]


def check_reachable(files: Sequence[NamedFile], description: Description, mounted: Sequence[str]) -> None:
    """
    Report the *files* that only this machine has. What is below the paths *mounted*, the cluster mounts.

    Raises:
        NotInCluster: there are some. A single one is its message; of several, each is a line of its detail.
    """
    lines = []
    for file in local_files(files, mounted):
        position = description.origins.get(file.key, description.file.name)
        lines.append(
            f"{position}: {file.key}: {file.text} is a file of this machine, which no pod can fetch; expected a"
            f" URL, or an image that has it as {place(file.text)}, with --files-in-image"
        )
    if len(lines) == 1:
        raise NotInCluster(lines[0])
    if lines:
        raise NotInCluster(f"{description.file.name} names {len(lines)} files of this machine", "\n".join(lines))


def _is_below(text: str, folders: Sequence[str]) -> bool:
    path = posixpath.normpath(text)
    return any(posixpath.commonpath([path, one]) == posixpath.normpath(one) for one in folders if path.startswith("/"))


def _of_model(model: Model, description: Description) -> Iterator[NamedFile]:
    """
    The files of *model*. Without a path, its processor lies beside the description, or in what `storage[]` mounts.
    """
    processor = model.processor
    prefix = f"{model.where}." if model.where else ""
    if processor.path:
        named = _named_processors(processor.path, description)
        yield NamedFile(_first_key([f"{prefix}processor_path", *named, "processor_path"], description), processor.path)
    elif not description.storage:
        if not processor.entry:
            raise ConfigError(f"{prefix}processor_path is missing: name the processor's archive, folder or file")
        key = processor.entry_key or _first_key([f"{prefix}processor_entry", "processor_entry"], description)
        yield NamedFile(key, processor.entry)
    if model.path:
        yield NamedFile(f"{prefix}model_path", model.path)


def _named_processors(path: str, description: Description) -> Iterator[str]:
    processors = json.loads(description.text).get("processors")
    for index, one in enumerate(processors if isinstance(processors, list) else []):
        if isinstance(one, dict) and one.get("processor_path") == path:
            yield f"processors[{index}].processor_path"


def _first_key(keys: Sequence[str] | Iterator[str], description: Description) -> str:
    """
    The first of *keys* that the description has, or else the first one.
    """
    keys = list(keys)
    return next((key for key in keys if key in description.origins), keys[0])


def place(text: str) -> str:
    """
    Where the image must have the file *text*.
    """
    path = text.partition("://")[2] if "://" in text else text
    return posixpath.normpath(posixpath.join(FOLDER, path))
