"""
The control messages between the front and the processes that run processors.

They travel beside the ring, over a socket: JSON objects, one a line, whose key `event` names the class. Each class says
who sends it to whom: a *worker* loads a processor and calls it; a *program* is a user's own process that has started
its front (`python app.py`), and may be a worker itself.

A worker or a program runs a stranger's code. So `decode` takes nothing on trust: for whatever is none of these messages
it raises `MessageError`, and the reader logs that and goes on.
"""

import json
from typing import Any

from eas_runtime.record import Record, fields_of


class MessageError(ValueError):
    """
    What was received is not a message; the text says why.
    """


class Message(Record):
    """
    One message.

    Attributes:
        event: the name of its class on the wire.
    """

    event = ""


# -- from a worker to the front


class Ready(Message):
    """
    The worker has loaded its processor. Inside the front the supervisor passes this on, too.
    """

    event = "ready"


class LoadFailed(Message):
    """
    The worker cannot load its processor.

    Attributes:
        kind: the class of the `LoadError`, by its name.
        message: what is wrong.
        detail: what belongs below that line, such as a trace.
    """

    kind: str
    message: str
    detail: str
    event = "failed"


class ThreadCount(Message):
    """
    *count* threads of the worker take requests. *reads* says that the program reads its requests itself.
    """

    count: int
    reads: bool = False
    event = "threads"


class ProcessCount(Message):
    """
    The worker's program wants *count* worker processes. Inside the front: there are so many now.
    """

    count: int
    event = "processes"


class HandlerInjected(Message):
    """
    The worker's program answers requests to *path* itself, if they bring *token*; None: the service's own token.
    """

    path: str
    token: "str | None"
    event = "inject"


class HandlerAnswered(Message):
    """
    A handler that the program injected has answered request *id* with *status* and *body*, in base64.
    """

    id: int
    status: int
    body: str
    event = "injected"


class FilesListed(Message):
    """
    The files that the worker's program has used so far: what it has *read*, its modules among them, and has *written*.
    Of another language's processor, or on an old Python, not all of it is known.
    """

    read: "tuple[str, ...]"
    written: "tuple[str, ...]"
    event = "files"


# -- both ways


class PropertyPut(Message):
    """
    A property has a new value. *origin* is the process that has put it and the number of the change, by which that
    process recognises its own change when it comes back.
    """

    name: str
    value: str
    origin: "tuple[int, int] | None" = None
    event = "property"


class Stop(Message):
    """
    From the front: end, after the last request. From a program: it wants to end, and its front must end with it.
    """

    event = "stop"


# -- from the front to a worker


class ListFiles(Message):
    """
    Answer with `FilesListed`.
    """

    event = "list_files"


class LogStacks(Message):
    """
    Log the stacks of the busy threads. *reason* is logged with them.
    """

    reason: str
    event = "stacks"


class CallHandler(Message):
    """
    Call the injected handler of *path* with request *id*, whose *body* is in base64.
    """

    id: int
    path: str
    body: str
    event = "call"


# -- between a program and its front


class LaunchRequest(Message):
    """
    From the program, before anything else: what its front is to serve. The program takes requests in its own threads,
    or starts *processes* worker processes.
    """

    endpoint: "str | None"
    script: str
    processes: int
    properties: "dict[str, str]"
    event = "launch"


class Handshake(Message):
    """
    From the front, before anything else, with the descriptors of the ring: to a program, and to each of its worker
    processes, which needs nothing but its number.

    Attributes:
        json: whether the log is written as JSON.
        threads: how many threads call `process`; None: the program decides.
        max_in_flight: how many requests may be under way in a process, if `process` is a coroutine function.
    """

    worker: int
    max_in_flight: int
    port: int = 0
    url: str = ""
    json: bool = False
    token: "str | None" = None
    threads: "int | None" = None
    processes: int = 1
    event = "handshake"


class ProgramFailed(Message):
    """
    From the program: it cannot serve, since its own code has failed.
    """

    event = "program_failed"


class StartWorkers(Message):
    """
    From the program: it is ready to start worker processes.
    """

    event = "run"


class StartChild(Message):
    """
    From the front: start the process of *worker*, with the descriptor that comes along as its control socket.
    """

    worker: int
    event = "fork"


class ChildStarted(Message):
    """
    From the program: it has started the process of *worker*.
    """

    worker: int
    pid: int
    event = "forked"


class ChildEnded(Message):
    """
    From the program: the process of *worker* has ended with *status*, or could not be started for *reason*, with a
    trace in *detail*.
    """

    worker: int
    status: int
    reason: "str | None" = None
    detail: str = ""
    event = "exited"


class WorkersStarted(Message):
    """
    From the front: all worker processes are ready.
    """

    event = "started"


# -- inside the front, about a worker


class Died(Message):
    """
    The worker's process is gone.
    """

    event = "died"


_TYPES: "dict[str, tuple[type, ...]]" = {
    "int": (int,),
    "bool": (bool,),
    "str": (str,),
    "int | None": (int, type(None)),
    "str | None": (str, type(None)),
    "dict[str, str]": (dict,),
    "tuple[int, int] | None": (tuple, type(None)),
    "tuple[str, ...]": (tuple,),
}
"""The types that a field's value may have, by its annotation. To Python a bool is an int; `decode` tells them apart."""

_INCOMING: "dict[str, type[Message]]" = {
    kind.event: kind
    for kind in (
        Ready,
        LoadFailed,
        ThreadCount,
        ProcessCount,
        HandlerInjected,
        HandlerAnswered,
        FilesListed,
        ListFiles,
        PropertyPut,
        Stop,
        LogStacks,
        CallHandler,
        LaunchRequest,
        Handshake,
        ProgramFailed,
        StartWorkers,
        StartChild,
        ChildStarted,
        ChildEnded,
        WorkersStarted,
    )
}


def encode(message: Message) -> bytes:
    """
    Write *message* as one line of JSON, the line feed included.
    """
    return json.dumps({"event": message.event, **vars(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """
    Read one message.

    Raises:
        MessageError: *line* is not a message.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"{line[:100]!r} is not JSON") from error
    if not isinstance(values, dict):
        raise MessageError(f"{line[:100]!r} is not a JSON object")
    event = values.pop("event", None)
    kind = _INCOMING.get(event) if isinstance(event, str) else None
    if kind is None:
        raise MessageError(f"{line[:100]!r} names no known event")
    return _make(kind, values)


def _make(kind: "type[Message]", values: "dict[str, Any]") -> Message:
    for name, written in fields_of(kind).items():
        annotation = written if isinstance(written, str) else written.__name__
        value = values.get(name)
        if isinstance(value, list):
            value = values[name] = tuple(value)
        types = _TYPES[annotation]
        if name in values and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            raise MessageError(f"{kind.event}: {name} is {str(value)[:100]!r}, not {annotation}")
    try:
        return kind(**values)
    except TypeError as error:
        raise MessageError(f"{kind.event}: {error}") from error
