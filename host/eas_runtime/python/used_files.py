"""
Which files a program uses, for --reload: a change of these makes another version, one of any other file beside them
does not.

Its modules are those of `sys.modules`; of those that it has looked for in vain, where they would be. What it opens, the
interpreter's audit events tell, which Python has from 3.8 on: what it reads is served with it, such as a list of
labels, and what it writes is its own, such as a cache, a log or a database.
"""

import os
import sys
from importlib.util import source_from_cache
from types import ModuleType
from typing import Any

from eas_runtime.control import ControlChannel
from eas_runtime.messages import FilesListed, ListFiles
from eas_runtime.worker_spec import WorkerSpec

_MAX = 10_000
"""So many names are kept of each kind: a program may open new files for ever."""
_WRITING = os.O_WRONLY | os.O_RDWR
_SQLITE_FILES = ("", "-journal", "-wal", "-shm")
_LIBRARY = os.path.dirname(os.__file__)


class UsedFiles:
    """
    The files that the program of *spec* uses, from now on.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._read: set[str] = set()
        self._written: set[str] = set()
        self._wanted: set[str] = set()  # modules
        add_hook = getattr(sys, "addaudithook", None)
        if add_hook is not None:
            add_hook(self._on_event)

    def list(self) -> FilesListed:
        """
        List them, by the names that the user knows.
        """
        modules = [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
        files = {file for module in modules for file in [vars(module).get("__file__")] if isinstance(file, str)}
        # Copies: another thread may add to these.
        read = (set(self._read) - self._written) | files
        return FilesListed(
            self._originals({*map(_source, read), *self._missing()}), self._originals(set(self._written))
        )

    def _originals(self, paths: "set[str]") -> "tuple[str, ...]":
        own = {path for path in paths if not path.startswith(_LIBRARY) and "/site-packages/" not in path}
        return tuple(sorted(self._spec.original(path) for path in own))

    def _missing(self) -> "set[str]":
        """
        Return where the modules would lie that the program has looked for and not found.
        """
        folder = os.path.dirname(self._spec.entry)
        places = [os.path.join(folder, *name.split(".")) for name in list(self._wanted) if name not in sys.modules]
        return {f"{place}{ending}" for place in places for ending in (".py", "/__init__.py")}

    def _on_event(self, event: str, args: "tuple[Any, ...]") -> None:
        """
        Take an audit event. What is raised here would reach the program.
        """
        if event == "open":
            path, _, flags = args
            self._add(self._written if isinstance(flags, int) and flags & _WRITING else self._read, path)
        elif event == "import":
            if len(self._wanted) < _MAX:
                self._wanted.add(args[0])
        elif event == "os.rename":
            self._add(self._written, args[1])
        elif event == "sqlite3.connect" and isinstance(args[0], str):
            for ending in _SQLITE_FILES:
                self._add(self._written, args[0] + ending)

    @staticmethod
    def _add(files: "set[str]", path: Any) -> None:  # noqa: ANN401  whatever the program has passed
        if isinstance(path, (str, bytes)) and len(files) < _MAX:
            try:
                files.add(os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path))))
            except OSError:
                pass  # the working directory is gone


def _source(path: str) -> str:
    """
    Return the source of *path* if that is what Python has compiled.
    """
    if not path.endswith(".pyc"):
        return path
    try:
        return source_from_cache(path)
    except ValueError:  # compiled by hand
        return path


def report(spec: WorkerSpec, control: ControlChannel) -> None:
    """
    Tell the front, whenever it asks over *control*, which files the program of *spec* uses.
    """
    used = UsedFiles(spec)
    control.on(ListFiles, lambda _: control.send(used.list()))
