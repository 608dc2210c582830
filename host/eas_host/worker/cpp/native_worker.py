"""
Workers that are no Python processes, for cpp processors that start a Python of their own.

Such a worker begins as any other and becomes another program once it knows its processor: native/worker/main.cc, by
execve, so that its process number and its descriptors stay. It serves with the same C++ code. Only Python code
explains errors: if the processor cannot be loaded, the program becomes `load_diagnosis.main`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import eas_host
from eas_host.binaries import elf, python_embedding
from eas_host.config import HostConfig
from eas_host.errors import LoadError
from eas_host.make_spec import guess_type
from eas_host.python_env import python_command
from eas_host.ring import Crash
from eas_runtime import ring
from eas_runtime.worker_process import Inheritance
from eas_runtime.worker_spec import WorkerSpec
from eas_runtime.working_directory import enter_folder

PROGRAM: Final = Path(eas_host.__file__).with_name("eas-cpp-worker")
LIBRARY_PATH: Final = "LD_LIBRARY_PATH"


def take_over(spec: WorkerSpec, inheritance: Inheritance) -> None:
    """
    Become the native worker if *spec*, of a cpp processor, asks for one or needs it; otherwise return.

    It returns, too, if the file is no processor or its folder cannot be entered: the Python worker reports that.
    """
    entry = Path(spec.entry)
    if not _wanted(entry, spec.kind):
        return
    try:
        elf.check(entry)
        enter_folder(spec)
    except (LoadError, OSError):
        return
    found = python_embedding.find_starter(entry)
    if found is not None and spec.kind != "native":
        ring.open_log(inheritance.log)
        ring.log("I", f"{found.what}, which starts a Python, so its worker is native, as with --worker native")
    become(spec, inheritance, library_folders=[])


def _wanted(entry: Path, kind: str) -> bool:
    if kind == "python" or not PROGRAM.is_file():
        return False
    return kind == "native" or python_embedding.find_starter(entry) is not None


def hint(config: HostConfig, crash: Crash | None) -> str:
    """
    Return a hint about a *crash* while loading if its cause may be that the worker is a Python process; else "".
    """
    entry = Path(config.entry or "")
    kind = config.processor_type or guess_type(entry)
    if crash is None or kind == "python" or (kind == "cpp" and _wanted(entry, config.worker)):
        return ""
    return python_embedding.crash_hint(crash.frames)


def become(spec: WorkerSpec, inheritance: Inheritance, *, library_folders: list[Path]) -> None:
    """
    Become the native worker, in this process's working directory.

    Args:
        spec: the worker's spec.
        inheritance: the descriptors and the parent that this process has from the front.
        library_folders: folders that the dynamic linker searches before the system's, for this program only and not for
            those that the processor starts.
    """
    library_path = os.environ.get(LIBRARY_PATH, "")
    fd = os.memfd_create("eas-native-spec", 0)
    fallback = python_command.command(
        "eas_host.worker.cpp.load_diagnosis",
        *inheritance,
        fd,
        len(library_folders),
    )
    python = python_embedding.find_libpython(Path(spec.entry))
    texts = (spec.entry, spec.model_entry, spec.model_config, library_path, python, spec.to_json(), *fallback)
    with open(fd, "wb", closefd=False) as file:
        # A text ends at its first NUL, as it would where C reads it.
        file.write(b"".join(os.fsencode(text.partition("\0")[0]) + b"\0" for text in texts))
    for descriptor in inheritance[:-1]:
        os.set_inheritable(descriptor, True)
    environment = dict(os.environ)
    if library_folders:
        environment[LIBRARY_PATH] = ":".join(filter(None, [library_path, *map(str, library_folders)]))
    command = (str(PROGRAM), *map(str, (*inheritance, fd, spec.worker, spec.threads, int(spec.confined))))
    os.execve(PROGRAM, command, environment)  # noqa: S606  no shell is wanted


def spec_in(fd: int) -> WorkerSpec:
    """
    Read the spec back from what `become` wrote to *fd*.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb") as file:
        return WorkerSpec.from_json(file.read().split(b"\0")[5].decode())
