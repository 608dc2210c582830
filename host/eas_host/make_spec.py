"""
The processor that a `HostConfig` names: its type, its name, and the `WorkerSpec` of its workers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eas_host.archives import jar_layouts
from eas_host.config import HostConfig
from eas_host.config.host import flag
from eas_host.errors import ConfigError
from eas_runtime.worker_spec import WorkerSpec

_NO_BYTECODE: Final = {"PYTHONDONTWRITEBYTECODE": "1"}
"""With --reload. Python knows compiled code by the size of its source and by the whole second of its last change, so a
file that changes twice within a second would run as it was before."""
_TYPE_OF_ENDING: Final = {".so": "cpp", ".jar": "java", ".war": "java", ".py": "python"}


def make_spec(config: HostConfig) -> WorkerSpec:
    """
    Derive the spec of a worker from *config*.

    Raises:
        ConfigError: no entry is given, or its type cannot be recognised.
    """
    if not config.entry:
        raise ConfigError("--entry is missing: name the processor, a .so, .jar or .py file (see eas-host --help)")
    check_isolation(config)
    check_batching(config)
    path, python_class = split_class(config.entry)
    kind = config.processor_type or _type_of(path)
    if config.worker == "native":
        _check_native(kind, config.isolation)
    if kind == "java":
        path, python_class = config.entry, None
    if kind != "python" and config.python is not None:
        raise ConfigError(f"--python is for processors in Python, and {config.entry} is a {kind} processor; drop it")
    if kind != "java":
        _check_no_jvm(config, kind)
    if config.leaks and (kind != "cpp" or config.worker == "python"):
        what = f"{config.entry} is a {kind} processor" if kind != "cpp" else "Python's own memory would count as leaks"
        raise ConfigError(f"--leaks is for processors in C++ in a native worker, and {what}; drop it")
    if kind != "python" and config.arguments:
        raise ConfigError(
            f"{config.arguments[0]}: follows --, but only a Python program has arguments, and {config.entry} is a"
            f" {kind} processor; give it text with --model-config"
        )
    return WorkerSpec(
        type=kind,
        entry=_absolute(path),
        python_class=python_class,
        mainclass=config.mainclass,
        classpath=tuple(map(_absolute, config.classpath)),
        jvm_options=config.jvm_options,
        model_entry=_absolute(config.model_entry) if config.model_entry else "",
        model_config=config.model_config,
        threads=config.worker_threads,
        max_in_flight=config.max_in_flight,
        isolation=config.isolation,
        explicit=tuple(sorted(config.explicit)),
        environment={
            **(_NO_BYTECODE if config.reload else {}),
            **({} if config.java_home is None else {"JAVA_HOME": config.java_home}),
        },
        arguments=config.arguments,
        confined=config.user is not None or config.sandbox,
        kind=config.worker,
        leaks=config.leaks,
        # Nobody may look into a worker that is confined.
        keeps_crashes="crash_block" in config.explicit and config.crash_block and not (config.user or config.sandbox),
        lists_files=config.reload,
    )


def check_isolation(config: HostConfig) -> None:
    """
    Reject options that do not work with `--isolation none`, where the processor runs in the host's own process.

    Raises:
        ConfigError: an option does not; the error names it.
    """
    if config.isolation != "none":
        return
    if config.reload:
        raise ConfigError("--isolation none and --reload: a version cannot be replaced in the host's own process")
    if config.check_memory and "check_memory" in config.explicit:
        raise ConfigError("--isolation none and --check-memory: the host's own process runs already; drop one")
    if config.leaks:
        raise ConfigError("--isolation none and --leaks: the host's own process runs already; drop one")
    if config.worker_processes != 1:
        raise ConfigError("--isolation none has one worker, in the host's own process; drop --worker-processes")
    if config.user or config.sandbox:
        option = "--user" if config.user else "--sandbox"
        raise ConfigError(f"--isolation none and {option}: the processor runs in the host's own process; drop one")


def check_batching(config: HostConfig) -> None:
    """
    Reject bounds with which `--batching fixed` would answer no request.

    Raises:
        ConfigError: the bounds are such; the error says what to do.
    """
    if config.batching != "fixed":
        return
    if config.max_batch_timeout >= config.keepalive:
        raise ConfigError(
            f"--max-batch-timeout {config.max_batch_timeout} is not less than --keepalive {config.keepalive}: with"
            " --batching fixed a request would answer 408 before its batch begins; choose a shorter time"
        )
    if config.max_batch_size > config.max_queue_size:
        raise ConfigError(
            f"--max-batch-size {config.max_batch_size} is more than --max-queue-size {config.max_queue_size}: with"
            " --batching fixed no batch could be full; choose a smaller batch or a longer queue"
        )


def service_name(config: HostConfig, spec: WorkerSpec) -> str:
    """
    The name of the service: the given one, or the entry's file name without its ending and `lib`.
    """
    name = Path(spec.entry).name.partition(".so")[0] if spec.type == "cpp" else Path(spec.entry).stem
    return config.name or (name.removeprefix("lib") if spec.type == "cpp" else name) or "processor"


def split_class(entry: str) -> tuple[str, str | None]:
    """
    Split `FILE.py:Class` into the file and the class; the class is None if *entry* names none.
    """
    stem, colon, name = entry.rpartition(".py:")
    return (f"{stem}.py", name) if colon and name.isidentifier() else (entry, None)


def guess_type(path: Path) -> str | None:
    """
    The type of the processor at *path*, recognised by its ending; None if that is not possible.
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


def _check_no_jvm(config: HostConfig, kind: str) -> None:
    """
    Reject the options for a JVM, which a processor of this *kind* has not: they would have no effect. What a
    description says of Java is left to it.

    Raises:
        ConfigError: one is given.
    """
    for name in ("mainclass", "classpath", "jvm_options", "java_home"):
        if name in config.explicit and getattr(config, name):
            option = flag(name)
            raise ConfigError(f"{option} is for processors in Java, and {config.entry} is a {kind} processor; drop it")


def _check_native(kind: str, isolation: str) -> None:
    """
    Reject `--worker native` for a processor of this *kind* and *isolation* if it does not work.

    Raises:
        ConfigError: it does not.
    """
    if kind != "cpp":
        raise ConfigError(f"--worker native is for processors in C++, and this one is {kind}; drop it")
    if isolation == "none":
        raise ConfigError("--isolation none runs the processor in the host's own process; drop it, or --worker native")


def _absolute(path: str) -> str:
    """
    Make *path* absolute without resolving links. Keep a final slash, since some processors append a file name.
    """
    absolute = str(Path(path).absolute())
    return absolute + "/" if path.endswith("/") and not absolute.endswith("/") else absolute
