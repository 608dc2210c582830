"""
What a worker needs to know to load and call its processor, cut from a `HostConfig`.

It travels to a worker process as one line of JSON, so it holds plain values only. All its paths are absolute: a worker
changes its working directory.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from eas_host.archives import jar_layouts
from eas_host.config.host import HostConfig
from eas_host.errors import ConfigError

_TYPE_OF_ENDING: Final = {".so": "cpp", ".jar": "java", ".war": "java", ".py": "python"}


@dataclass(frozen=True)
class WorkerSpec:
    """
    One processor and how many threads call it.

    *python_class* is the part after the colon of `.py:Class`, *model_entry* is `""` where none is given. *given* names
    the options that were given explicitly: a program's own wishes do not change them.

    *unpacked* has the jars and folders of classes that were unpacked of a jar, by that jar's path.

    *readable* and *writable* are what a sandbox shows it beside its entry, its model and the rest above; *confined*
    tells the worker that rights were taken from it.

    *folder* is the working directory, `""` for that of the entry. *interpreter* is the Python that runs the worker,
    `""` for the host's own; *packages* are folders that it imports from before its own. *arguments* are those of a
    Python program. *environment* is added to what the worker inherits. *kind* is that of the
    worker process: auto, python or native.
    """

    type: str
    entry: str
    python_class: str | None
    mainclass: str | None
    classpath: tuple[str, ...]
    jvm_options: tuple[str, ...]
    model_entry: str
    model_config: str
    threads: int
    isolation: str
    given: tuple[str, ...]
    worker: int = 0
    unpacked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    folder: str = ""
    interpreter: str = ""
    packages: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    confined: bool = False
    kind: str = "auto"

    @classmethod
    def from_config(cls, config: HostConfig) -> WorkerSpec:
        """
        Resolve what *config* leaves open.

        Raises:
            ConfigError: there is no entry, or its type cannot be told.
        """
        if not config.entry:
            raise ConfigError("--entry is missing: name the processor, a .so, .jar or .py file (see eas-host --help)")
        check_isolation(config)
        path, python_class = split_class(config.entry)
        kind = config.processor_type or _type_of(path)
        if config.worker == "native":
            _check_native(kind, config.isolation)
        if kind == "java":
            path, python_class = config.entry, None
        if kind != "python" and config.arguments:
            raise ConfigError(
                f"{config.arguments[0]}: stands behind --, where only a Python program has arguments; {config.entry} is"
                f" a {kind} processor: give it text with --model-config"
            )
        return cls(
            type=kind,
            entry=_absolute(path),
            python_class=python_class,
            mainclass=config.mainclass,
            classpath=tuple(map(_absolute, config.classpath)),
            jvm_options=config.jvm_options,
            model_entry=_absolute(config.model_entry) if config.model_entry else "",
            model_config=config.model_config,
            threads=config.worker_threads,
            isolation=config.isolation,
            given=tuple(sorted(config.given)),
            arguments=config.arguments,
            confined=config.user is not None or config.sandbox,
            kind=config.worker,
        )

    def to_json(self) -> str:
        """
        Write it as one line.
        """
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> WorkerSpec:
        """
        Read what `to_json` wrote.
        """
        fields = json.loads(line)
        for name in ("classpath", "jvm_options", "given", "packages", "arguments", "readable", "writable"):
            fields[name] = tuple(fields[name])
        fields["unpacked"] = {jar: tuple(paths) for jar, paths in fields["unpacked"].items()}
        return cls(**fields)


def check_isolation(config: HostConfig) -> None:
    """
    Refuse what the host's own process cannot be.

    Raises:
        ConfigError: naming the options.
    """
    if config.isolation != "none":
        return
    if config.reload:
        raise ConfigError("--isolation none and --reload: a version cannot be replaced in the host's own process")
    if config.worker_processes != 1:
        raise ConfigError("--isolation none has one worker, in the host's own process; drop --worker-processes")
    if config.user or config.sandbox:
        option = "--user" if config.user else "--sandbox"
        raise ConfigError(f"--isolation none and {option}: the processor runs in the host's own process; drop one")


def service_name(config: HostConfig, spec: WorkerSpec) -> str:
    """
    The service's name: as given, or the entry's stem without `lib`.
    """
    name = Path(spec.entry).name.partition(".so")[0] if spec.type == "cpp" else Path(spec.entry).stem
    return config.name or (name.removeprefix("lib") if spec.type == "cpp" else name) or "processor"


def split_class(entry: str) -> tuple[str, str | None]:
    """
    Take `.py:Class` apart.
    """
    stem, colon, name = entry.rpartition(".py:")
    return (f"{stem}.py", name) if colon and name.isidentifier() else (entry, None)


def guess_type(path: Path) -> str | None:
    """
    The type of the processor at *path*; None if its ending does not tell.
    """
    if path.is_dir() and (any(path.glob("*.jar")) or any((path / name).is_dir() for name in jar_layouts.FOLDERS)):
        return "java"
    kind = _TYPE_OF_ENDING.get(path.suffix)
    return "cpp" if kind is None and ".so." in path.name else kind


def _type_of(path: str) -> str:
    kind = guess_type(Path(path))
    if kind is None:
        raise ConfigError(
            f"--entry {path}: its ending does not tell the processor's type; add --processor-type cpp, java or python"
        )
    return kind


def _check_native(kind: str, isolation: str) -> None:
    """
    Demand that a worker can be a native process for a processor of this *kind* and *isolation*.

    Raises:
        ConfigError: it cannot.
    """
    if kind != "cpp":
        raise ConfigError(f"--worker native is for processors in C++, and this one is {kind}; drop it")
    if isolation == "none":
        raise ConfigError("--isolation none runs the processor in the host's own process; drop it, or --worker native")


def _absolute(path: str) -> str:
    """
    Make *path* absolute without resolving links, and keep a final slash: some processors append a file name to it.
    """
    absolute = str(Path(path).absolute())
    return absolute + "/" if path.endswith("/") and not absolute.endswith("/") else absolute
