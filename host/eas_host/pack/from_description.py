"""
Finds the processor that a service description names.
"""

from __future__ import annotations

from pathlib import Path

from eas_host.description import read
from eas_host.errors import ConfigError
from eas_host.fetch.unpacking import archive_type


def processor_of(description: Path) -> tuple[Path, str | None]:
    """
    Find the local file or folder at `processor_path` of *description*, and its type.

    Raises:
        ConfigError: the description is wrong, or its processor is not on this machine or cannot be packed.
    """
    processors = {(model.processor.path, model.processor.type) for model in read(description).models}
    if len(processors) > 1:
        raise ConfigError(f"{description}: names several processors; pack each by its own path")
    text, type_ = processors.pop()
    if not text:
        raise ConfigError(f"{description}: has no processor_path, so there is nothing to pack")
    if "://" in text:
        raise ConfigError(f"{description}: processor_path is {text}; only what is on this machine can be packed")
    if type_ == "python":
        raise ConfigError(f"{description}: a Python processor; pack its folder with `eas-host pysdk pack DIR`")
    path = description.parent / text
    if path.is_file() and archive_type.detect(path) is not None:
        raise ConfigError(f"{description}: processor_path is {text}, which is packed already")
    return path, type_
