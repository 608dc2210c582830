"""
What a worker needs to know to load and to call its processor.

A worker process receives it as one line of JSON, so it has plain values only. All paths are absolute, since a worker
changes its working directory.
"""

import json
from typing import Iterable

from eas_runtime.record import Record

_TUPLES = ("classpath", "jvm_options", "explicit", "packages", "arguments", "readable", "writable")


class WorkerSpec(Record):
    """
    One processor, and how a worker runs it.

    Attributes:
        type: cpp, java or python.
        entry: the file of the processor, or the folder with its jars.
        python_class: the part after the colon of `.py:Class`.
        mainclass: the Java class.
        classpath: jars and folders besides the entry.
        jvm_options: options of the JVM.
        model_entry: the model; `""` for none.
        model_config: the text that the processor gets beside the model.
        threads: how many threads call the processor.
        max_in_flight: how many requests may be under way, if the processor answers later than its call returns.
        isolation: process or none.
        explicit: the names of the options that the user set. What a program asks for does not change them.
        worker: the number of the worker.
        unpacked: the jars and folders of classes that were unpacked from a jar, by the path of that jar.
        folder: the working directory; `""` for the folder of the entry.
        interpreter: the Python that runs the worker; `""` for the host's own.
        packages: folders that are searched for imports before the interpreter's own.
        environment: variables in addition to those that the worker inherits.
        arguments: the arguments of a Python program.
        readable: paths that a sandbox makes readable, in addition to those above.
        writable: paths that a sandbox makes writable.
        confined: whether the worker runs as another user or in a sandbox.
        kind: the kind of worker process: auto, python or native.
        report: the descriptor for what a JVM or a Python says of its own end, or for reports of sanitizers; -1: none.
        leaks: whether a sanitizer looks for leaks at the worker's end.
        copies: the files and folders that were copied into a workspace, each with the original, which the user edits.
        outer_environment: the variables that are other ones in this process than in what the processor starts, as they
            are there; None: not set.
        keeps_crashes: whether a stopped copy of the worker stays when a signal ends it.
        lists_files: whether a Python program's worker keeps a record of the files that it uses.
        debugged: the method at which pdb stops, process or initialize, in a worker that has the terminal; `""` for a
            worker without pdb.
    """

    type: str
    entry: str
    python_class: "str | None"
    mainclass: "str | None"
    classpath: "tuple[str, ...]"
    jvm_options: "tuple[str, ...]"
    model_entry: str
    model_config: str
    threads: int
    isolation: str
    explicit: "tuple[str, ...]"
    max_in_flight: int = 64
    worker: int = 0
    unpacked: "dict[str, tuple[str, ...]]" = {}  # noqa: RUF012  nothing changes it
    folder: str = ""
    interpreter: str = ""
    packages: "tuple[str, ...]" = ()
    environment: "dict[str, str]" = {}  # noqa: RUF012  nothing changes it
    arguments: "tuple[str, ...]" = ()
    readable: "tuple[str, ...]" = ()
    writable: "tuple[str, ...]" = ()
    confined: bool = False
    kind: str = "auto"
    report: int = -1
    leaks: bool = False
    copies: "tuple[tuple[str, str], ...]" = ()
    outer_environment: "dict[str, str | None]" = {}  # noqa: RUF012  nothing changes it
    keeps_crashes: bool = False
    lists_files: bool = False
    debugged: str = ""

    def original(self, path: str) -> str:
        """
        Return the file that the user edits, if *path* is its copy in a workspace; else *path*. Messages and frames name
        that one.
        """
        return original_of(path, self.copies)

    def to_json(self) -> str:
        """
        Write the spec as one line.
        """
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, line: str) -> "WorkerSpec":
        """
        Read what `to_json` wrote.
        """
        fields = json.loads(line)
        for name in _TUPLES:
            fields[name] = tuple(fields[name])
        fields["copies"] = tuple(map(tuple, fields["copies"]))
        fields["unpacked"] = {jar: tuple(paths) for jar, paths in fields["unpacked"].items()}
        return cls(**fields)


def original_of(path: str, copies: "Iterable[tuple[str, str]]") -> str:
    """
    Return the original of the file *path* if that is one of the *copies*, or in a folder that is; else *path*.
    """
    for copy, original in copies:
        if path == copy or path.startswith(f"{copy}/"):
            return original + path[len(copy) :]
    return path
