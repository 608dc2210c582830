"""
Checks a processor in C++: its machine, EAS's functions, the libraries and symbols that it needs. Nothing is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eas_host.binaries import elf, python_embedding, sanitizer_runtime
from eas_host.binaries.dynamic_symbols import DynamicSymbols
from eas_host.binaries.dynamic_symbols import read as read_symbols
from eas_host.binaries.elf import ElfInfo
from eas_host.binaries.elf_image import DamagedElf, open_image
from eas_host.binaries.library_search import FoundLibrary
from eas_host.check.cpp import linked_libraries
from eas_host.check.cpp.signatures import check_signatures
from eas_host.check.finding import ERROR, OK, WARNING, Finding, Report, error_of
from eas_host.deploy.package.environment import LIBRARY_PATH
from eas_host.errors import HostError
from eas_runtime.worker_spec import WorkerSpec

_REQUIRED = elf.EAS_FUNCTIONS[:2]
_OPTIONAL = ("batch_process", "async_process", "eas_async_cancel")


def check_library(spec: WorkerSpec) -> Report:
    """
    Check the library of *spec*.
    """
    path = Path(spec.entry)
    try:
        elf.check(path)
        info = elf.read(path)
        with open_image(path) as image:
            symbols = read_symbols(image)
    except HostError as error:
        return Report(_facts_of_unusable(path), (error_of(error, path),))
    except DamagedElf as error:
        finding = Finding(ERROR, path.name, f"a damaged ELF file ({error})", "build or copy it again")
        return Report(_facts_of_unusable(path), (finding,))
    facts = _facts(info)
    entry = FoundLibrary(path.name, info)
    linked = linked_libraries.find_libraries(entry, spec.environment.get(LIBRARY_PATH))
    facts["libraries"], facts["missing"] = linked_libraries.libraries_of_package(linked)
    starter = python_embedding.find_starter(path)
    if starter is not None:
        facts["starts_python"] = starter.what
    findings = [
        Finding(OK, path.name, f"a shared library for {info.machine}"),
        *_check_exports(info, symbols),
        *check_signatures(path, path.name, info.exports),
        *_check_sanitizer(spec, path),
        *linked_libraries.check_libraries(linked),
        *linked_libraries.check_symbols(linked),
    ]
    return Report(facts, tuple(findings))


def _facts(info: ElfInfo) -> dict[str, Any]:
    return {"machine": info.machine, "exports": list(info.exports), "libraries": {}, "missing": []}


def _facts_of_unusable(path: Path) -> dict[str, Any]:
    """
    Return what is known of a library that is for another machine; nothing if *path* is no library.
    """
    try:
        return _facts(elf.read(path))
    except HostError:
        return {}


def _check_exports(info: ElfInfo, symbols: DynamicSymbols) -> Iterator[Finding]:
    name = info.path.name
    missing = [function for function in _REQUIRED if function not in info.exports]
    if missing == list(_REQUIRED) and not info.mangled:
        what = "no processor: it exports neither initialize nor process"
        yield Finding(ERROR, name, what, 'define both, extern "C" and visible (no static, no -fvisibility=hidden)')
        return
    for function in missing:
        text = elf.missing_symbol(name, function, mangled=function in info.mangled).removeprefix(f"{name}: ")
        what, _, advice = text.partition("; ")
        yield Finding(ERROR, name, what, advice)
    for function in info.exports:
        if not symbols.defined.get(function, True):
            yield Finding(ERROR, name, f"{function} is a variable", "define a function of that name")
    if not missing:
        others = [function for function in info.exports if function not in _REQUIRED]
        more = f"; of the optional ones {', '.join(others)}" if others else ""
        yield Finding(OK, name, f"it exports initialize and process{more}")
    for function in _OPTIONAL:
        start = f"_Z{len(function)}{function}"
        if function not in info.exports and any(symbol.startswith(start) for symbol in symbols.defined):
            yield Finding(WARNING, name, f"{function} has a C++ name, so it is not called", 'declare it extern "C"')


def _check_sanitizer(spec: WorkerSpec, path: Path) -> Iterator[Finding]:
    try:
        start = sanitizer_runtime.find_start(path, {**os.environ, **spec.environment}, leaks=spec.leaks)
    except HostError as error:
        yield error_of(error, path)
    else:
        if start is not None:
            yield Finding(OK, path.name, str(start))
