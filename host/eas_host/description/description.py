"""
The result of reading a service description: plain frozen values.

Paths and URLs are as the user wrote them; a relative path starts at the folder of the description. A value that the
description does not have is None, `""` or empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Processor:
    """
    Where the code of a processor comes from.

    Attributes:
        path: `processor_path`: a URL, or a local file or folder.
        entry: `processor_entry`: a file in the package; its path there, or only its name.
        type: `processor_type`: cpp, java or python.
        mainclass: `processor_mainclass`: the class of a Java processor.
        jvm_options: `processor_jvm_options`, split into words.
        arguments: the arguments of a Python program, from the command of a container.
        entry_key: the key that *entry* comes from, if it is not `processor_entry`.
        arguments_key: the key that *arguments* come from.
        python_version: `python_version`: the Python of a Python processor, such as `3.6`; `""` leaves it open.
    """

    path: str = ""
    entry: str = ""
    type: str | None = None
    mainclass: str | None = None
    jvm_options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    entry_key: str = ""
    arguments_key: str = ""
    python_version: str = ""


@dataclass(frozen=True)
class Model:
    """
    One model, and the processor that serves it.

    Attributes:
        name: its name in `models[]`; None for the only model of a service without `models[]`.
        path: `model_path`: a URL, or a local file or folder.
        entry: `model_entry`; None if it is absent, which means the file in `model_path`.
        config: `model_config` as text; an object becomes its JSON text.
        uncompress: whether an archive at *path* is unpacked; None if the description does not say.
        processor: its processor.
        where: its place in the description, for messages: `""`, or `models[0]`.
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
    One entry of `storage[]`.

    Attributes:
        mount_path: where the processor expects it.
        source: a URL or a local path; empty if `cloud_values` say what it is.
        where: its place in the description, for messages.
    """

    mount_path: str
    source: str
    where: str


class CloudValue(NamedTuple):
    """
    The value of a key that has no effect on this machine, but may have one in a cluster.

    Attributes:
        value: as JSON has it, and no object, unless that is empty.
        reason: why it has no effect here, as `keys.unsupported_keys` declares it.
        harmless: whether nothing is requested with it.
    """

    value: Any
    reason: str
    harmless: bool


@dataclass(frozen=True)
class Description:
    """
    A whole service description.

    Attributes:
        file: where it was read from, absolute.
        name: the service's name.
        models: its models; a single one if the description has no `models[]`.
        warm_up: `warm_up_data_path`: a URL or a local path.
        environment: `processor_envs`, by name.
        requirements: lines of a requirements.txt.
        storage: folders and files that the processor expects at a path.
        cuda: the absolute path of the folder with CUDA's libraries; empty for none.
        options: values of fields of `HostConfig`, by their names, for the options that the description sets.
        origins: where each value came from, `service.json:4:13` or `-D metadata.rpc.keepalive`, by the documented
            name of its key, such as `metadata.rpc.keepalive` or `models[0].name`.
        notes: lines for the user that are not errors, such as the keys that only the cloud supports.
        usual_notes: such lines that nearly every description leads to; a start does not say them.
        cloud_values: the values of keys that only the cloud supports, if the reader was asked for them; the notes do
            not name these then. Those in an object have names of their own, as `metadata.rolling_strategy.max_surge`.
        text: the whole description after `-D`, as one JSON object; workers get it as SERVICE_CONFIG.
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
    usual_notes: tuple[str, ...] = ()
    cloud_values: dict[str, CloudValue] = field(default_factory=dict)
    text: str = "{}"
