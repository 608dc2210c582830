"""
What a worker needs to know to load and to call its processor.

A worker process receives it as one line of JSON, so it has plain values only. All paths are absolute, since a worker
changes its working directory.
"""

import json

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
        fields["unpacked"] = {jar: tuple(paths) for jar, paths in fields["unpacked"].items()}
        return cls(**fields)
