"""
The control messages between the front and the processes that run processors.

They travel beside the ring, over a socket: JSON objects, one a line, whose key `event` names the class. Each class says
who sends it to whom: a *worker* loads a processor and calls it; a *program* is a user's own process that has started
its front (`python app.py`), and may be a worker itself.

A worker or a program runs a stranger's code. So `decode` takes nothing on trust: for whatever is none of these messages
it raises `MessageError`, and the reader logs that and goes on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object):  # noqa: ANN201, D103  it speaks to type checkers alone
        return lambda decorated: decorated


class MessageError(ValueError):
    """
    What was received is not a message; the text says why.
    """


@dataclass_transform(frozen_default=True)
class Message:
    """
    One message. The annotated names of a subclass are its fields, as in a dataclass, which would take ten times as long
    to make: each worker needs all of them at its start.

    Attributes:
        event: the name of its class on the wire.
        fields: the names of its fields, with their types as they are written.
    """

    event: ClassVar[str]
    fields: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls) -> None:
        cls.fields = vars(cls).get("__annotations__", {})

    def __init__(self, *values: object, **named: object) -> None:
        given = {**dict(zip(self.fields, values, strict=False)), **named}
        missing = [name for name in self.fields if name not in given and not hasattr(self, name)]
        unknown = [name for name in given if name not in self.fields]
        if missing or unknown:
            raise TypeError(f"missing: {', '.join(missing) or '-'}; unknown: {', '.join(unknown) or '-'}")
        vars(self).update({name: given[name] if name in given else getattr(self, name) for name in self.fields})

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


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
    token: str | None
    event = "inject"


class HandlerAnswered(Message):
    """
    A handler that the program injected has answered request *id* with *status* and *body*, in base64.
    """

    id: int
    status: int
    body: str
    event = "injected"


# -- both ways


class PropertyPut(Message):
    """
    A property has a new value. *origin* is the process that has put it and the number of the change, by which that
    process recognises its own change when it comes back.
    """

    name: str
    value: str
    origin: tuple[int, int] | None = None
    event = "property"


class Stop(Message):
    """
    From the front: end, after the last request. From a program: it wants to end, and its front must end with it.
    """

    event = "stop"


# -- from the front to a worker


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

    endpoint: str | None
    script: str
    processes: int
    properties: dict[str, str]
    event = "launch"


class Handshake(Message):
    """
    From the front, before anything else, with the descriptors of the ring: to a program, and to each of its worker
    processes, which needs nothing but its number.

    Attributes:
        json: whether the log is written as JSON.
        threads: how many threads call `process`; None: the program decides.
    """

    worker: int
    port: int = 0
    url: str = ""
    json: bool = False
    token: str | None = None
    threads: int | None = None
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
    reason: str | None = None
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


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "bool": (bool,),
    "str": (str,),
    "int | None": (int, type(None)),
    "str | None": (str, type(None)),
    "dict[str, str]": (dict,),
    "tuple[int, int] | None": (tuple, type(None)),
}
"""The types that a field's value may have, by its annotation. To Python a bool is an int; `decode` tells them apart."""

_INCOMING: Final = {
    kind.event: kind
    for kind in (
        Ready,
        LoadFailed,
        ThreadCount,
        ProcessCount,
        HandlerInjected,
        HandlerAnswered,
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


def _make(kind: type[Message], values: dict[str, Any]) -> Message:
    for name, annotation in kind.fields.items():
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
