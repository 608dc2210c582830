"""
What the first container of a description starts: the program that a processor's own keys leave open, and its arguments.

No container is run. Where its command and the processor's keys disagree, the keys name the processor, as they did
without containers, and one line says that the command has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.config.worker_spec import split_class
from eas_host.description.commands import Program, program_of
from eas_host.description.definitions import Service
from eas_host.description.description import Mount, Processor
from eas_host.description.findings import Findings
from eas_host.description.mistakes import shown

_KEYS: Final = ("script", "command")
_FORM: Final = "python FILE.py ARGUMENTS"
_NO_PROGRAM: Final = f"of a container only `{_FORM}` is run here, behind `cd FOLDER &&` at most, and without a shell"
_OTHERS: Final = "one program is run here, that of containers[0]"


def started(processor: Processor, service: Service, mounts: Sequence[Mount], findings: Findings) -> Processor:
    """
    *processor* as the first container of *service* starts it, with its file in one of *mounts* perhaps.
    """
    keys = [
        (index, key) for index, container in enumerate(service.containers) for key in _KEYS if getattr(container, key)
    ]
    for index, key in keys:
        if index > 0:
            findings.ignore(findings.spot(("containers", index, key)).label, _OTHERS)
    first = [key for index, key in keys if index == 0]
    described = bool(processor.path or processor.entry or service.models)
    if not first:
        wrong = any(loc[:2] == ("containers", 0) for loc in findings.dropped)
        if service.containers and not described and not wrong:
            text = f"without a processor; expected `{_FORM}` in script, or processor_path and processor_entry"
            findings.wrong(findings.spot(("containers",)), f"{text}; containers themselves are not run here")
        return processor
    for key in first[1:]:
        findings.ignore(findings.spot(("containers", 0, key)).label, f"{first[0]} beside it names the program")
    spot = findings.spot(("containers", 0, first[0]))
    command = getattr(service.containers[0], first[0])
    program = program_of(command)
    if program is None and not described:
        text = command if isinstance(command, str) else " ".join(command)
        expected = "expected one, or processor_path and processor_entry"
        findings.wrong(spot, f"{shown(text)} starts no Python program by its file; {_NO_PROGRAM}; {expected}")
    elif program is None:
        findings.ignore(spot.label, _NO_PROGRAM)
    elif against := _against(processor, program):
        findings.ignore(spot.label, f"it starts {program.file}, and {against}")
    else:
        _tell_lost(program, spot.label, findings)
        return _with(processor, program, mounts, spot.label)
    return processor


def tell_unused(program: Processor, used: Sequence[Processor], findings: Findings) -> None:
    """
    Say so if none of the processors that are *used* is the *program* of a container.
    """
    if program.arguments_key and not any(one.arguments_key for one in used):
        findings.ignore(program.arguments_key, "each of models[] has a processor of its own")


def _against(processor: Processor, program: Program) -> str:
    """
    What of *processor* speaks against the *program*.
    """
    if processor.type not in (None, "python"):
        return f"processor_type is {processor.type}"
    if processor.mainclass:
        return f"processor_mainclass is {processor.mainclass}"
    wanted = PurePosixPath(split_class(processor.entry)[0]).parts[::-1]
    file = PurePosixPath(program.file)
    # Further folders in front of either may lead to the package, and all of those of an absolute path may.
    parts = (file.name,) if file.is_absolute() else file.parts[::-1]
    same = all(one == other for one, other in zip(wanted, parts, strict=False))
    return "" if same else f"processor_entry is {processor.entry}"


def _tell_lost(program: Program, label: str, findings: Findings) -> None:
    if program.options:
        options = " ".join(program.options)
        findings.notes.append(f"{label}: {options} is ignored: no Python is started with options here")
    if program.variables:
        words = " ".join(program.variables)
        findings.notes.append(f"{label}: {words} stays as it is: no shell is there to put a value in its place")


def _with(processor: Processor, program: Program, mounts: Sequence[Mount], label: str) -> Processor:
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
