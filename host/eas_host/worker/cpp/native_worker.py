"""
Workers that are no Python processes, for cpp processors that start a Python of their own, or have a sanitizer, which
would look at all that Python does.

Such a worker begins as any other and becomes another program once it knows its processor: native/worker/main.cc, by
execve, so that its process number and its descriptors stay. It serves with the same C++ code. Only Python code
explains errors: if the processor cannot be loaded, the program becomes `load_diagnosis.main`.

What a sanitizer needs is preloaded where the program changes, so neither the Python of before has it, nor what the
processor starts: before the processor is loaded, the variables are again those of before.
"""

from __future__ import annotations

import os
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import eas_host
from eas_host.binaries import elf, python_embedding, sanitizer
from eas_host.errors import LoadError
from eas_host.python_env import python_command
from eas_host.ring.frames import HOST_FILES
from eas_runtime import ring
from eas_runtime.worker_process import Inheritance, enter_folder
from eas_runtime.worker_spec import WorkerSpec

if TYPE_CHECKING:
    from eas_host.binaries.sanitizer_runtime import SanitizerStart
    from eas_host.ring import Crash

PROGRAM: Final = Path(eas_host.__file__).with_name("eas-cpp-worker")
LIBRARY_PATH: Final = "LD_LIBRARY_PATH"


def take_over(spec: WorkerSpec, inheritance: Inheritance) -> None:
    """
    Become the native worker if *spec*, of a cpp processor, asks for one or needs it; otherwise return.

    It returns, too, if the file is no processor or its folder cannot be entered: the Python worker reports that.
    """
    entry = Path(spec.entry)
    sanitized = sanitizer.find(entry) is not None and spec.kind != "python" and PROGRAM.is_file()
    if not sanitized and not is_wanted(entry, spec.kind):
        return
    try:
        elf.check(entry)
        _sanitizer_start(spec)
        enter_folder(spec)
    except (LoadError, OSError):
        return
    found = python_embedding.find_starter(entry)
    if found is not None and spec.kind != "native":
        ring.open_log(inheritance.log)
        ring.log("I", f"{found.what}, which starts a Python, so its worker is native, as with --worker native")
    become(spec, inheritance, library_folders=[])


def restart_for_sanitizer(spec: WorkerSpec, inheritance: Inheritance) -> None:
    """
    Start this Python process again as the processor's sanitizer needs it, if it has one and this process is not
    started so. Otherwise, and if that is not possible, return: the processor's load reports it.
    """
    entry = Path(spec.entry)
    found = sanitizer.find(entry)
    if found is None or found.is_in(os.environ.get(sanitizer.PRELOAD, "")):
        return
    try:
        start = _sanitizer_start(spec)
    except LoadError:
        return
    own = start.variables if start else {}
    fd = os.memfd_create("eas-spec", 0)
    with open(fd, "w", encoding="utf-8", closefd=False) as file:
        file.write(spec.replace(outer_environment={name: os.environ.get(name) for name in own}).to_json())
    os.lseek(fd, 0, os.SEEK_SET)
    control, *others = inheritance
    command = python_command.command("eas_host.worker.main", control, fd, *others)
    os.execve(command[0], command, {**os.environ, **own})  # noqa: S606  as below


def is_wanted(entry: Path, kind: str) -> bool:
    """
    Tell whether the processor *entry* runs in a native worker, if its *kind* of worker is that of `--worker`.
    """
    if kind == "python" or not PROGRAM.is_file():
        return False
    return kind == "native" or python_embedding.find_starter(entry) is not None


def _sanitizer_start(spec: WorkerSpec) -> SanitizerStart | None:
    from eas_host.binaries import sanitizer_runtime  # noqa: PLC0415  few processors need it

    return sanitizer_runtime.find_start(Path(spec.entry), os.environ, leaks=spec.leaks)


def hint(entry: Path, language: str | None, kind: str, crash: Crash | None) -> str:
    """
    Return a hint about a *crash* while the processor *entry* in *language* was loaded, in a worker of this *kind*, if
    its cause may be that the worker is a Python process; else "".
    """
    if crash is None or language == "python" or (language == "cpp" and is_wanted(entry, kind)):
        return ""
    inner = dropwhile(
        _is_of_host, crash.places
    )  # the crash handler comes first, and behind the host the worker's Python
    return python_embedding.crash_hint(takewhile(lambda place: not _is_of_host(place), inner))


def _is_of_host(place: str) -> bool:
    return place.rpartition("+")[0] in HOST_FILES


def become(spec: WorkerSpec, inheritance: Inheritance, *, library_folders: list[Path]) -> None:
    """
    Become the native worker, in this process's working directory.

    Args:
        spec: the worker's spec.
        inheritance: the descriptors and the parent that this process has from the front.
        library_folders: folders that the dynamic linker searches before the system's, for this program only and not for
            those that the processor starts.
    """
    start = _sanitizer_start(spec)
    own = dict(start.variables) if start is not None else {}
    if library_folders:
        library_path = os.environ.get(LIBRARY_PATH, "")
        own[LIBRARY_PATH] = ":".join(filter(None, [library_path, *map(str, library_folders)]))
    variables = [f"{name}={os.environ[name]}" if name in os.environ else name for name in own]
    fd = os.memfd_create("eas-native-spec", 0)
    fallback = python_command.command(
        "eas_host.worker.cpp.load_diagnosis",
        *inheritance,
        fd,
        len(library_folders),
    )
    python = python_embedding.find_libpython(Path(spec.entry))
    texts = (spec.entry, spec.model_entry, spec.model_config, python, spec.to_json(), *variables, "", *fallback)
    with open(fd, "wb", closefd=False) as file:
        # A text ends at its first NUL, as it would where C reads it.
        file.write(b"".join(os.fsencode(text.partition("\0")[0]) + b"\0" for text in texts))
    for descriptor in inheritance[:-1]:
        os.set_inheritable(descriptor, True)
    flags = (int(spec.confined), spec.report, int(spec.keeps_crashes))
    numbers = (*inheritance, fd, spec.worker, spec.threads, spec.max_in_flight, *flags)
    os.execve(PROGRAM, (str(PROGRAM), *map(str, numbers)), {**os.environ, **own})  # noqa: S606  no shell is wanted


def spec_in(fd: int) -> WorkerSpec:
    """
    Read the spec back from what `become` wrote to *fd*.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb") as file:
        return WorkerSpec.from_json(file.read().split(b"\0")[4].decode())
