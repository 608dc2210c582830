"""
The program of the first container becomes the processor.

No container is run; only the Python program that its command starts. The program and its arguments complete the
processor where its own keys leave them open. If its keys and the command disagree, the keys count, and a note says that
the command has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.description.description import Mount, Processor
from eas_host.description.diagnostics.diagnostics import Diagnostics
from eas_host.description.diagnostics.wording import format_value
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.steps.container_command import ContainerProgram, parse_command
from eas_host.make_spec import split_class

_KEYS: Final = ("script", "command")
_FORM: Final = "python FILE.py ARGUMENTS"
_NO_PROGRAM: Final = f"of a container, only `{_FORM}` is run here, after `cd FOLDER &&` at most, without a shell"
_OTHERS: Final = "one program is run here, that of containers[0]"


def apply_containers(
    processor: Processor, service: ServiceDefinition, mounts: Sequence[Mount], diagnostics: Diagnostics
) -> Processor:
    """
    Complete *processor* with the program that the first container of *service* starts.

    An absolute path of the program is one in the container: the file is in one of the *mounts*, or on this machine.
    """
    keys = [
        (index, key) for index, container in enumerate(service.containers) for key in _KEYS if getattr(container, key)
    ]
    for index, key in keys:
        if index > 0:
            diagnostics.ignore_key(diagnostics.locate(("containers", index, key)).label, _OTHERS)
    first = [key for index, key in keys if index == 0]
    described = bool(processor.path or processor.entry or service.models)
    if not first:
        rejected = any(path[:2] == ("containers", 0) for path in diagnostics.rejected)
        if service.containers and not described and not rejected:
            expected = f"expected `{_FORM}` in script, or processor_path and processor_entry"
            text = f"without a processor; {expected}; containers themselves are not run here"
            diagnostics.add_error(diagnostics.locate(("containers",)), text)
        return processor
    for key in first[1:]:
        label = diagnostics.locate(("containers", 0, key)).label
        diagnostics.ignore_key(label, f"{first[0]} beside it names the program")
    location = diagnostics.locate(("containers", 0, first[0]))
    command = getattr(service.containers[0], first[0])
    program = parse_command(command)
    if program is None and not described:
        found = format_value(command if isinstance(command, str) else " ".join(command))
        expected = "expected one, or processor_path and processor_entry"
        diagnostics.add_error(location, f"{found} does not start a Python file; {_NO_PROGRAM}; {expected}")
    elif program is None:
        diagnostics.ignore_key(location.label, _NO_PROGRAM)
    elif conflict := _conflict(processor, program):
        diagnostics.ignore_key(location.label, f"it starts {program.file}, and {conflict}")
    else:
        _note_ignored_parts(program, location.label, diagnostics)
        return _complete(processor, program, mounts, location.label)
    return processor


def note_unused_program(program: Processor, used: Sequence[Processor], diagnostics: Diagnostics) -> None:
    """
    Note that the *program* of a container has no effect, if none of the processors in *used* is that program.
    """
    if program.arguments_key and not any(one.arguments_key for one in used):
        diagnostics.ignore_key(program.arguments_key, "each of models[] has a processor of its own")


def _conflict(processor: Processor, program: ContainerProgram) -> str:
    """
    Which key of *processor* names another processor than *program*; `""` if none does.
    """
    if processor.type not in (None, "python"):
        return f"processor_type is {processor.type}"
    if processor.mainclass:
        return f"processor_mainclass is {processor.mainclass}"
    wanted = PurePosixPath(split_class(processor.entry)[0]).parts[::-1]
    file = PurePosixPath(program.file)
    # Only the ends are compared: either path may begin with the folders that lead to the package. An absolute path is
    # one in the container, where all folders may belong to the place of the package.
    parts = (file.name,) if file.is_absolute() else file.parts[::-1]
    same = all(one == other for one, other in zip(wanted, parts, strict=False))
    return "" if same else f"processor_entry is {processor.entry}"


def _note_ignored_parts(program: ContainerProgram, label: str, diagnostics: Diagnostics) -> None:
    if program.options:
        options = " ".join(program.options)
        diagnostics.notes.append(f"{label}: {options} is ignored: Python is not started with options here")
    if program.variables:
        words = " ".join(program.variables)
        diagnostics.notes.append(f"{label}: {words} is not expanded: no shell runs the command")


def _complete(processor: Processor, program: ContainerProgram, mounts: Sequence[Mount], label: str) -> Processor:
    processor = replace(processor, arguments=program.arguments, arguments_key=label)
    if processor.entry:
        return processor
    file = PurePosixPath(program.file)
    path, entry = processor.path, program.file
    if file.is_absolute():  # in the container
        entry = str(file.relative_to(file.anchor))
        around = [mount for mount in mounts if mount.mount_path and file.is_relative_to(mount.mount_path)]
        if not path and around:
            nearest = max(around, key=lambda mount: len(PurePosixPath(mount.mount_path).parts))
            path, entry = nearest.source, str(file.relative_to(nearest.mount_path))
        elif not path and Path(file).is_file():
            path, entry = str(file.parent), file.name
    return replace(processor, path=path, entry=entry, entry_key=label)
