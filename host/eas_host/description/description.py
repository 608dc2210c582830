"""
A service description once it is read: plain frozen values, every alias resolved, nothing looked up on disk yet.

Paths and URLs stand here as they are written; relative paths are meant from the description's own folder. What a
description does not say is None, `""` or empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Processor:
    """
    Where the code of a processor comes from.

    Attributes:
        path: `processor_path`: a URL, or a local file or folder.
        entry: `processor_entry`: a file in the package, by its path or its name.
        type: `processor_type`: cpp, java or python.
        mainclass: `processor_mainclass`: Java's class.
        jvm_options: `processor_jvm_options`, split into words.
        arguments: those of a Python program, from a container's command.
        entry_key: the key that *entry* comes from, if that is not `processor_entry`.
        arguments_key: the key that *arguments* come from.
    """

    path: str = ""
    entry: str = ""
    type: str | None = None
    mainclass: str | None = None
    jvm_options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    entry_key: str = ""
    arguments_key: str = ""


@dataclass(frozen=True)
class Model:
    """
    One model, and the processor that answers for it.

    Attributes:
        name: its name in `models[]`; None: it is the service's only one, without a name of its own.
        path: `model_path`: a URL, or a local file or folder.
        entry: `model_entry`; None where it is absent, which means the file in `model_path`.
        config: `model_config` as text; an object as its JSON text.
        uncompress: whether an archive at *path* is unpacked; None where it is not said.
        processor: what answers.
        where: how the description calls it, for messages: `""`, or `models[0]`.
    """

    name: str | None = None
    path: str = ""
    entry: str | None = None
    config: str = ""
    uncompress: bool | None = None
    processor: Processor = field(default_factory=Processor)
    where: str = ""


@dataclass(frozen=True)
class Mount:
    """
    One entry of `storage[]`: what is at *source*, a URL or a local path, is wanted at *mount_path*.
    """

    mount_path: str
    source: str
    where: str


@dataclass(frozen=True)
class Description:
    """
    A whole service description.

    Attributes:
        file: where it was read from, absolute.
        name: the service's name.
        models: one, unless the description has `models[]`.
        warm_up: `warm_up_data_path`: a URL or a local path.
        environment: `processor_envs`, by name.
        requirements: lines of a requirements.txt.
        storage: what is to be mounted.
        cuda: the folder with CUDA's libraries, absolute; empty for none.
        options: values of `HostConfig` fields, by their names, as far as the description settles them.
        origins: where each value came from: the key as it is documented (`metadata.rpc.keepalive`, `models[0].name`)
            to `service.json:4:13`, or `-D metadata.rpc.keepalive`.
        notes: one line each for what a user should know and nobody asked for: keys that only the cloud honours, the
            use of comments.
        text: the whole description, `-D` included, as one JSON object; workers get it as SERVICE_CONFIG.
    """

    file: Path
    name: str | None = None
    models: tuple[Model, ...] = (Model(),)
    warm_up: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    storage: tuple[Mount, ...] = ()
    cuda: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    text: str = "{}"
