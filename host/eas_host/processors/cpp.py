"""
cpp processors: a shared library with `initialize` and `process`.

The library is looked at before it is opened, so that the usual mistakes get words of our own rather than the dynamic
linker's. Its threads live in native/src: no Python runs on the path of a request.
"""

from __future__ import annotations

import platform
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eas_host.config import WorkerSpec
from eas_host.errors import EntryInvalid, EntryNotFound
from eas_host.processors.beside import MISSING, open_with_neighbours
from eas_host.ring import CppProgram, WorkerRing
from eas_host.workers.control import Control

_ELF_MAGIC: Final = b"\x7fELF"
_ELF_CLASS_64: Final = 2
_ELF_SHARED_OBJECT: Final = 3
_MACHINES: Final = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""Values of e_machine (the ELF specification) by the name that `platform.machine` gives."""


class CppProcessor:
    """
    A `.so`, called from C++ threads.
    """

    owns_signals = False

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: Control) -> None:
        self._spec = spec
        self._ring = ring
        self._program: CppProgram | None = None

    def run(self, serve: Callable[[], None]) -> None:
        """
        Check the file, open it, call `initialize`, and serve.

        Raises:
            LoadError: it cannot be used.
        """
        self._load()
        serve()

    def start(self) -> None:
        """
        Start the native threads.
        """
        assert self._program is not None  # noqa: S101  load comes first
        self._program.start(self._ring, self._spec.threads)

    def join(self) -> None:
        """
        Wait for the native threads.
        """
        if self._program is not None:
            self._program.join()

    def _load(self) -> None:
        entry = self._spec.entry
        _check_elf(entry)
        try:
            program = open_with_neighbours(Path(entry), lambda: CppProgram(entry))
        except EntryInvalid as error:
            raise EntryInvalid(_explain(entry, error.message)) from error
        try:
            program.initialize(self._spec.model_entry, self._spec.model_config)
        except Exception as error:
            if hasattr(error, "message"):
                error.message = f"{entry}: {error.message}"
            raise
        self._program = program


def _check_elf(entry: str) -> None:
    """
    Read the ELF header of *entry*.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it is not a shared library for this machine.
    """
    try:
        with Path(entry).open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise EntryNotFound(f"{entry}: {error.strerror}; check --entry") from error
    if not header.startswith(_ELF_MAGIC) or len(header) < 20:  # noqa: PLR2004  up to and with e_machine
        raise EntryInvalid(f"{entry}: not an ELF file; --entry must name a shared library (.so)")
    kind, machine = struct.unpack_from("<HH" if header[5] == 1 else ">HH", header, 16)
    name = _MACHINES.get(machine, f"machine {machine}")
    if name != platform.machine() or header[4] != _ELF_CLASS_64:
        bits = "64-bit" if header[4] == _ELF_CLASS_64 else "32-bit"
        raise EntryInvalid(
            f"{entry}: built for another machine ({name}, {bits}); rebuild it on this ({platform.machine()}, 64-bit)"
        )
    if kind != _ELF_SHARED_OBJECT:
        raise EntryInvalid(f"{entry}: an ELF file, but not a shared library; link it with -shared -fPIC")


def _explain(entry: str, text: str) -> str:
    """
    Put the dynamic linker's *text* into words that say what to do.
    """
    if match := re.match(r"missing symbol: (\w+)", text):
        symbol = match[1]
        if f"_Z{len(symbol)}{symbol}".encode() in Path(entry).read_bytes():
            return f'{entry}: {symbol} has a C++ name; declare it extern "C"'
        return f"{entry}: missing symbol {symbol}; a processor exports initialize and process"
    if match := MISSING.match(text):
        return f"{entry}: missing library {match['name']}; put it beside the .so, or on LD_LIBRARY_PATH"
    if match := re.search(r"undefined symbol: (\S+)", text):
        return f"{entry}: undefined symbol {match[1]}; link the library that defines it"
    return f"{entry}: {text}"
