"""
The keys of a service description that have an effect here.

Editors show the texts to the user. The keys that only the cloud supports are in `unsupported_keys`. Relations between
keys, such as a name that must be in another list, are checked in `steps.resolve`.
"""

from __future__ import annotations

from typing import Annotated, Any

from eas_host.config import option_types
from eas_host.config.host import OPTIONS
from eas_host.description.keys.compound_types import (
    BatchingType,
    CommandType,
    LinesType,
    TextOrJsonType,
    VariableNameType,
    VariableValueType,
    WordsType,
)
from eas_host.description.keys.declaration import Definition, key, object_list, section
from eas_host.description.keys.field_types import (
    BooleanType,
    ChoiceType,
    OptionNumberType,
    ParsedTextType,
    PythonVersionType,
    TextType,
    UrlSegmentType,
)
from eas_host.description.keys.unsupported_keys import (
    UnsupportedContainerKeys,
    UnsupportedEasKeys,
    UnsupportedMetadataKeys,
    UnsupportedOssKeys,
    UnsupportedPrepareKeys,
    UnsupportedRpcKeys,
    UnsupportedRuntimeKeys,
    UnsupportedServiceKeys,
    UnsupportedStorageKeys,
)

_TYPES = OPTIONS["processor_type"].choices
_ENCODINGS = (*option_types.ENCODINGS, "none")


def _batching_names(name: str) -> tuple[str, ...]:
    """
    The other spellings of the key *name*, which EAS's own tools read (docs/eas-compatibility.md, section 7.3).
    """
    return tuple(f"{prefix}.{name}" for prefix in ("rpc.batching", "metadata.batching", "metadata.rpc.batching"))


class Rpc(UnsupportedRpcKeys):
    """
    `metadata.rpc`.
    """

    keepalive: Annotated[int | None, OptionNumberType("keepalive", "milliseconds", 5000)] = key(
        "Milliseconds for one request, queue included; one that takes longer answers 408. Default: 5000.",
        option="keepalive",
    )
    max_queue_size: Annotated[int | None, OptionNumberType("max_queue_size", "requests", 64)] = key(
        "Requests that may wait for a worker; one more answers 450. Default: 64.",
        option="max_queue_size",
        aliases=("metadata.max_queue_size",),
    )
    worker_threads: Annotated[int | None, OptionNumberType("worker_threads", "threads", 5)] = key(
        "Requests that run at once. Default: 5.",
        option="worker_threads",
        aliases=("metadata.worker_threads", "metadata.workers"),
    )
    batching: Annotated[str | None, BatchingType()] = key(
        "Give several requests to batch_process in one call: true, or adaptive or fixed, as --batching says."
        " Default: false.",
        option="batching",
    )
    max_batch_size: Annotated[int | None, OptionNumberType("max_batch_size", "requests", 16)] = key(
        "Requests in a batch. Default: 16.", option="max_batch_size", aliases=_batching_names("max_batch_size")
    )
    max_batch_timeout: Annotated[int | None, OptionNumberType("max_batch_timeout", "milliseconds", 50)] = key(
        "Milliseconds that the oldest request of a batch waits for others at most. Default: 50.",
        option="max_batch_timeout",
        aliases=_batching_names("max_batch_timeout"),
    )
    max_batch_bytes: Annotated[int | None, OptionNumberType("max_batch_bytes", "bytes", 1_000_000)] = key(
        "Bytes of all bodies of a batch; a larger one goes alone. EAS has no such key. Default: 64 MiB.",
        option="max_batch_bytes",
        aliases=_batching_names("max_batch_bytes"),
    )
    rate_limit: Annotated[int | None, OptionNumberType("rate_limit", "requests a second", 100)] = key(
        "Requests a second; one more answers 429. Default: 0, any number.", option="rate_limit"
    )
    decompressor: Annotated[str | None, ParsedTextType(option_types.content_encoding, choices=_ENCODINGS)] = key(
        "How request bodies without a Content-Encoding are compressed. Default: none.", option="decompressor"
    )


class Eas(UnsupportedEasKeys):
    """
    `metadata.eas`.
    """


class Metadata(UnsupportedMetadataKeys):
    """
    `metadata`.
    """

    rpc: Rpc = section(Rpc, "Settings of the server: time, queue, threads.", aliases=("rpc",))
    eas: Eas = section(Eas, "Settings of EAS itself.")


class Runtime(UnsupportedRuntimeKeys):
    """
    `runtime`.
    """

    enable_crash_block: Annotated[bool | None, BooleanType()] = key(
        "Do not replace a worker that crashed. Default: false.", option="crash_block"
    )
    termination_grace_period: Annotated[float | None, OptionNumberType("grace_period", "seconds", 30)] = key(
        "Seconds that running requests get when the service stops. Default: 30.",
        option="grace_period",
        aliases=("metadata.eas.termination_grace_period",),
    )


class ProcessorKeys(Definition):
    """
    The keys that say where the code of a processor is.
    """

    processor_path: Annotated[str | None, TextType()] = key(
        "The processor's package: a URL (http, https, oss, s3), or a local file or folder.",
        examples=("./build/", "oss://bucket/processor.tar.gz"),
    )
    processor_entry: Annotated[str | None, TextType()] = key(
        "The processor in its package: libprocessor.so or app.py, by its path or its name.",
        examples=("libprocessor.so", "./app.py"),
    )
    processor_type: Annotated[str | None, ChoiceType(*_TYPES)] = key("The processor's language: cpp, java or python.")
    processor_mainclass: Annotated[str | None, TextType()] = key(
        "Java: the processor's class.", examples=("com.example.EchoProcessor",)
    )
    processor_jvm_options: Annotated[tuple[str, ...] | None, WordsType()] = key(
        "Java: options for the JVM, such as -Xmx2g.", examples=("-Xmx2g",)
    )
    python_version: Annotated[str | None, PythonVersionType()] = key(
        "Python: the version that runs the processor, such as 3.6; eas-host's own key. Default: ENV's, else the host's."
    )


class ModelKeys(Definition):
    """
    The keys that say where a model is.
    """

    model_path: Annotated[str | None, TextType()] = key(
        "The model: a URL (http, https, oss, s3), or a local file or folder.",
        examples=("./model/", "oss://bucket/model.tar.gz"),
    )
    model_entry: Annotated[str | None, TextType()] = key(
        "The model's file or folder in its package; default: the file that model_path names."
    )
    config: Annotated[str | None, TextOrJsonType()] = key("Any text or object, given to the processor.", "model_config")
    uncompress: Annotated[bool | None, BooleanType()] = key("Whether an archive at model_path is unpacked.")


class ProcessorItem(ProcessorKeys):
    """
    An entry of `processors[]`.
    """

    name: Annotated[str | None, TextType()] = key("The name by which models[] refer to this processor.", required=True)


class ModelItem(ModelKeys, ProcessorKeys):
    """
    An entry of `models[]`.
    """

    name: Annotated[str | None, UrlSegmentType()] = key(
        "The model's name, the end of /api/predict/SERVICE/MODEL.", required=True
    )
    processor: Annotated[str | None, TextType()] = key("The name of an entry of processors[].")


class Variable(Definition):
    """
    An entry of `processor_envs[]`.
    """

    name: Annotated[str | None, VariableNameType()] = key("The variable's name.", required=True)
    value: Annotated[str | None, VariableValueType()] = key("Its value.", keeps_blank=True)


class Oss(UnsupportedOssKeys):
    """
    `storage[].oss`.
    """

    path: Annotated[str | None, TextType()] = key(
        "What to mount: oss://bucket/folder/, or a local folder.", examples=("oss://bucket/folder/",)
    )


class Local(Definition):
    """
    `storage[].local` and `storage[].hostPath`; eas-host's own.
    """

    path: Annotated[str | None, TextType()] = key("What to mount: a local file or folder.")


class StorageItem(UnsupportedStorageKeys):
    """
    An entry of `storage[]`.
    """

    mount_path: Annotated[str | None, TextType()] = key(
        "The path at which the processor finds it.", required=True, examples=("/mnt/data",)
    )
    oss: Oss = section(Oss, "A folder of OSS.")
    local: Local = section(Local, "A folder of this machine; eas-host's own.")
    host_path: Local = section(Local, "The same as `local`, as Kubernetes spells it.", "hostPath")


class Prepare(UnsupportedPrepareKeys):
    """
    `containers[].prepare`.
    """

    requirements: Annotated[tuple[str, ...] | None, LinesType()] = key(
        "Python packages to install.", "pythonRequirements"
    )


class Container(UnsupportedContainerKeys):
    """
    An entry of `containers[]`.
    """

    script: Annotated[Any, CommandType()] = key(
        "The command of the container: the Python program and its arguments, as in python app.py --flag x.",
        examples=("python app.py",),
    )
    command: Annotated[Any, CommandType()] = key(
        "The same as `script`, as a text or a list of words; read if there is no `script`."
    )
    prepare: Prepare = section(Prepare, "What is done before the container starts.")


class ServiceDefinition(UnsupportedServiceKeys, ProcessorKeys, ModelKeys):
    """
    A whole description.
    """

    name: Annotated[str | None, UrlSegmentType()] = key(
        "The service's name, the end of /api/predict/NAME.", option="name", aliases=("metadata.name",)
    )
    token: Annotated[str | None, ParsedTextType(option_types.token, secret=True)] = key(
        "The token that clients must send in the header Authorization.", option="token"
    )
    generate_token: Annotated[bool | None, BooleanType()] = key(
        "Generate a token if none is given.", option="generate_token"
    )
    processor: Annotated[str | None, TextType()] = key("The name of an entry of processors[].")
    environment: list[Variable] = object_list(
        "Environment variables of the processor.", "processor_envs", accepts_mapping=True
    )
    requirements: Annotated[tuple[str, ...] | None, LinesType()] = key(
        "Python packages that the processor needs: the text of a requirements.txt, or a list of its lines.",
        examples=(["numpy==1.26.4"],),
    )
    models: list[ModelItem] = object_list("Several models, answered at /api/predict/NAME/MODEL.")
    processors: list[ProcessorItem] = object_list("The processors of models[].")
    warm_up_data_path: Annotated[str | None, TextType()] = key(
        "Requests to answer before the service is up: a .txt has one on each line, any other file is one request.",
        examples=("./warm_up.txt",),
    )
    storage: list[StorageItem] = object_list("Files and folders that the processor finds at a path of your choice.")
    cuda: Any = key("The folder where CUDA is installed: workers find libraries in its lib64. A version has no effect.")
    containers: list[Container] = object_list("Containers; the first one's Python program is run, without its image.")
    metadata: Metadata = section(Metadata, "The service's settings.")
    runtime: Runtime = section(Runtime, "How workers run.")
