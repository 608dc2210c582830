"""
python processors: a file with one subclass of `allspark.BaseProcessor`.

The file is imported under its stem, so its `if __name__ == "__main__":` part does not run; its folder comes first on
`sys.path`, as if it had been started with `python app.py`. `process` is called from several threads.
"""

from __future__ import annotations

import importlib.util
import inspect
import operator
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import allspark
from eas_host.config import WorkerSpec
from eas_host.errors import EntryInvalid, EntryNotFound, InitializeFailed
from eas_host.processors.threads import Handler, WorkerThreads
from eas_host.ring import RAISED, RETURNED, Call, WorkerRing

INT_MIN = -(2**31)
INT_MAX = 2**31 - 1


class PythonProcessor:
    """
    A subclass of `allspark.BaseProcessor`, called from Python threads.
    """

    owns_signals = False

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._processor: allspark.BaseProcessor | None = None
        self._threads: WorkerThreads | None = None
        self._warned: set[type] = set()

    def load(self) -> None:
        """
        Import the file, construct the class and call `initialize`.

        Raises:
            LoadError: it cannot be used.
        """
        entry = self._spec.entry
        sys.argv = [entry]  # as under `python app.py`; the host's own words are none of its business
        cls = _find_class(_import(entry), entry, self._spec.python_class)
        where = f"{entry}: {cls.__name__}"
        try:
            processor = cls()
        except BaseException as error:
            raise InitializeFailed(f"{where}() raised {_describe(error)}", _user_trace(error)) from error
        try:
            processor.initialize()
        except BaseException as error:
            raise InitializeFailed(f"{where}.initialize() raised {_describe(error)}", _user_trace(error)) from error
        self._processor = processor

    def start(self, ring: WorkerRing) -> None:
        """
        Start the threads.
        """
        self._threads = WorkerThreads(ring, self._spec.threads, lambda: self._handler(ring))

    def join(self) -> None:
        """
        Wait for the threads.
        """
        if self._threads is not None:
            self._threads.join()

    def _handler(self, ring: WorkerRing) -> Handler:
        assert self._processor is not None  # noqa: S101  load comes first
        process = self._processor.process

        def handle(call: Call) -> None:
            try:
                returned = process(call.input())
            except BaseException as error:  # noqa: BLE001  also sys.exit() costs only its own request
                message = _text(error) or type(error).__name__
                ring.log("E", f"process raised {_describe(error)}\n{_user_trace(error)}")
                ring.reply(call, RAISED, 0, message.encode("utf-8", "replace"))
                return
            code = _status(returned)
            if code is None:
                complaint = f"process returned {_shape(returned)}; expected (bytes, int), such as (b'ok', 200)"
                ring.log("E", complaint)
                ring.reply(call, RAISED, 0, complaint.encode())
                return
            data = returned[0]
            if not isinstance(data, bytes):
                data = self._encode(data, ring)
            ring.reply(call, RETURNED, max(INT_MIN, min(code, INT_MAX)), data)

        return handle

    def _encode(self, data: object, ring: WorkerRing) -> bytes:
        """
        Make bytes of what is none: buffers and text as they are, anything else as EAS does, by `str`.
        """
        if isinstance(data, bytearray | memoryview):
            return bytes(data)
        if not isinstance(data, str) and type(data) not in self._warned:
            self._warned.add(type(data))
            ring.log(
                "W", f"process returned {type(data).__name__} as data; it is sent as str(data), return bytes instead"
            )
        return _text(data).encode("utf-8", "replace")


def _status(returned: Any) -> int | None:  # noqa: ANN401  a processor returns anything
    """
    The status that *returned* carries, if it is a pair with a whole number. Two bytes would unpack as a pair, too.
    """
    if not isinstance(returned, tuple | list) or len(returned) != 2:  # noqa: PLR2004  data and status
        return None
    try:
        return operator.index(returned[1])
    except Exception:  # noqa: BLE001  not a number, or one whose __index__ fails
        return None


def _shape(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(type(item).__name__ for item in value)})"
    return type(value).__name__


def _import(entry: str) -> ModuleType:
    path = Path(entry)
    if not path.is_file():
        reason = "is a folder; name the .py file in it" if path.is_dir() else "No such file or directory"
        raise EntryNotFound(f"{entry}: {reason}; check --entry")
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, entry)
    if spec is None or spec.loader is None:
        raise EntryInvalid(f"{entry}: not a Python file; --entry must name a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        hint = f"no module named {error.name!r}; install it into {sys.prefix} or put it beside the file"
        raise InitializeFailed(f"{entry}: {hint}", _user_trace(error)) from error
    except SyntaxError as error:
        where = f"{error.filename or entry}:{error.lineno}"
        raise EntryInvalid(f"{where}: {type(error).__name__}: {error.msg}", _user_trace(error)) from error
    except BaseException as error:
        raise InitializeFailed(f"{entry}: raised {_describe(error)}", _user_trace(error)) from error
    return module


def _find_class(module: ModuleType, entry: str, name: str | None) -> type[allspark.BaseProcessor]:
    """
    Find the processor's class: the one called *name*, or the file's only one.

    A base that another class of the file extends is not meant; a class that the file only imports is, if it has none
    of its own.
    """
    classes = {
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, allspark.BaseProcessor) and value is not allspark.BaseProcessor
    }
    listed = ", ".join(sorted(cls.__name__ for cls in classes)) or "none"
    if name is not None:
        found: Any = getattr(module, name, None)
        if found is None:
            raise EntryNotFound(
                f"{entry}: there is no class {name}; subclasses of allspark.BaseProcessor here: {listed}"
            )
        if found not in classes:
            raise EntryInvalid(f"{entry}: {name} is no subclass of allspark.BaseProcessor; those here: {listed}")
        return found  # type: ignore[no-any-return]  # it is in `classes`
    own = {cls for cls in classes if cls.__module__ == module.__name__} or classes
    leaves = [cls for cls in own if not any(other is not cls and issubclass(other, cls) for other in own)]
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        raise EntryInvalid(
            f"{entry}: no subclass of allspark.BaseProcessor; a processor is one, with initialize and process"
        )
    names = ", ".join(sorted(cls.__name__ for cls in leaves))
    raise EntryInvalid(
        f"{entry}: several subclasses of allspark.BaseProcessor: {names}; choose one with --entry {entry}:NAME"
    )


def _text(value: object) -> str:
    """
    `str` of *value*; what its own `__str__` raises is no reason to fail.
    """
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  it is the processor's code
        return f"<{type(value).__name__} whose __str__ raised {type(error).__name__}>"


def _describe(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _user_trace(error: BaseException) -> str:
    """
    Format the traceback of *error* without the frames above the user's own code.
    """
    ours = (str(Path(__file__).parent), "<frozen importlib")
    while error.__traceback__ is not None and error.__traceback__.tb_frame.f_code.co_filename.startswith(ours):
        error.__traceback__ = error.__traceback__.tb_next
    return "".join(traceback.format_exception(error)).rstrip("\n")
