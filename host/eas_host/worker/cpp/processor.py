"""
Processors in C++: a shared library with `initialize` and `process`.

The library is inspected before it is opened, so that the usual mistakes get clearer messages than the dynamic linker's.
Its threads are native (native/src): no Python runs on the path of a request.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eas_host.binaries import cpp_names, elf, python_embedding, sanitizer
from eas_host.errors import EntryInvalid
from eas_host.worker.cpp import library
from eas_host.worker.cpp.library import CppLibrary
from eas_host.worker.cpp.sibling_libraries import MISSING, open_with_siblings
from eas_runtime.control import ControlChannel
from eas_runtime.ring import WorkerRing
from eas_runtime.stacks import Stack
from eas_runtime.worker_spec import WorkerSpec

_TOO_OLD: Final = re.compile(r"(?P<library>\S+): version `(?P<version>[^']+)' not found")
"""What the dynamic linker says of a library that was linked with a newer one than this system's."""


class CppProcessor:
    """
    A `.so`, called from C++ threads.
    """

    owns_signals = False

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> None:
        self._spec = spec
        self._ring = ring
        self._library: CppLibrary | None = None

    def run(self, serve: Callable[[], None]) -> None:
        """
        Check the file, open it, call `initialize`, and serve.

        Raises:
            LoadError: the processor cannot be used.
        """
        self._load()
        serve()

    def start(self) -> None:
        """
        Start the native threads, which take requests until `WorkerRing.stop`.
        """
        assert self._library is not None  # noqa: S101  load comes first
        self._library.start(self._ring, self._spec.threads)

    def join(self, timeout: float | None = None) -> bool:
        """
        Wait for the native threads. With a *timeout*, in the host's own process, return at once: there they end with
        the process.
        """
        if self._library is not None and timeout is None:
            self._library.join()
        return True

    def stacks(self) -> list[Stack]:
        """
        Return the stacks of the thread that loads the library, or of those that run requests. They have no times: to
        note these would cost each request.
        """
        return library.stacks(self._ring)

    def _load(self) -> None:
        entry = self._spec.entry
        elf.check(Path(entry))
        if self._spec.kind == "native":
            raise EntryInvalid(f"{entry}: the native worker is not built; run `make setup`, or `pip install .`")
        found = sanitizer.find(Path(entry))
        if found is not None and found.comes_first and not found.is_in(os.environ.get(sanitizer.PRELOAD, "")):
            raise sanitizer.refuse(Path(entry), found)
        for name, value in self._spec.outer_environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self._spec.report >= 0:
            library.attach_sanitizers(self._spec.report)
        python_embedding.check(Path(entry))
        try:
            opened = open_with_siblings(Path(entry), lambda: CppLibrary(entry))
        except EntryInvalid as error:
            raise EntryInvalid(explain(entry, error.message)) from error
        try:
            opened.initialize(self._spec.model_entry, self._spec.model_config)
        except Exception as error:
            if hasattr(error, "message"):
                error.message = f"{entry}: {python_embedding.explain(error.message)}"
            raise
        opened.announce(self._ring, self._spec.max_in_flight)
        self._library = opened


def explain(entry: str, text: str) -> str:
    """
    Turn the dynamic linker's *text* into a message that says what to do.
    """
    if match := re.match(r"missing symbol: (\w+)", text):
        symbol = match[1]
        return elf.missing_symbol(entry, symbol, mangled=symbol in elf.read(Path(entry)).mangled)
    if match := MISSING.match(text):
        return f"{entry}: missing library {match['name']}; put it beside the .so, or on LD_LIBRARY_PATH"
    if match := _TOO_OLD.match(text):
        advice = "build it on this system, or on one that is not newer"
        if match["version"].startswith(("GLIBCXX", "CXXABI")):
            advice = "build it with this machine's compiler or an older one, or link it with -static-libstdc++"
        return f"{entry}: it needs {match['version']}, which {match['library']} does not have; {advice}"
    if match := re.search(r"undefined symbol: (\S+)", text):
        return f"{entry}: undefined symbol {cpp_names.readable(match[1])}; link the library that defines it"
    return f"{entry}: {text}"
