"""
One processor as the front sees it: its ring, its dispatcher, its capacity, and the workers at the other end.

A host has one backend, or one for each model of a service that has several. A new version of a processor gets a new
backend, whose workers load while the old backend serves. Their messages are kept until the new backend *joins* the
front, so a version that never serves changes nothing there. From then on the old backend is *retired*: it finishes the
requests that it has, and requests that arrive for it go to its successor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from eas_host.config import HostConfig
from eas_host.config.host import MAX_IN_FLIGHT
from eas_host.dispatch.body_buffer import BodyBufferPool
from eas_host.dispatch.capacity import Capacity
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.dispatch.exchange import Exchange, FastPath, RequestHead
from eas_host.dispatch.explaining_dispatcher import ExplainingDispatcher
from eas_host.dispatch.limits import EARLY_SLOTS, MAX_STREAMS
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse
from eas_host.dispatch.workers import Workers
from eas_host.errors import ConfigError
from eas_host.reply import Statuses
from eas_host.ring import FrontRing, RingSize
from eas_host.system.cores import usable_cores
from eas_host.system.memory import address_space_limit
from eas_runtime.messages import FilesListed, Message, ProcessCount, Ready, ThreadCount

_MIN_CORES: Final = 2
"""On a single core, whoever looks for an answer keeps it from being made."""

_SPARE_SPACE: Final = 2**43
"""Bytes of address space, a sixteenth of what a process has, that slots for streams may take, or for requests that no
thread keeps."""

_LONG_QUEUE: Final = 10_000

_MIB: Final = 2**20
_GIB: Final = 2**30


class WorkerId(NamedTuple):
    """
    One worker of the host: worker *number* of *backend*.
    """

    backend: Backend
    number: int

    def send(self, message: Message) -> None:
        """
        Send *message* to it, if it is ready.
        """
        self.backend.workers.send(message, self.number)


class BackendContext(NamedTuple):
    """
    The parts of the front that a backend uses.

    Attributes:
        loop: runs the front.
        plane: answers some requests without the dispatcher.
        budget: bounds the memory that clients make the host hold.
        receive: called with each message of a worker.
        full: called when a request is refused because the queue is full, with the number of requests in it.
        answer_failure: answers an exchange with the message, and the frames, of what the processor has raised; or with
            what is wrong with its output, and None.
        note_failure: remembers the cause of a failure, the requests that it concerns, and frames.
        statuses: has the HTTP status of each code that a processor may return.
        describe_request: returns method and target of a request, fit for a log.
    """

    loop: asyncio.AbstractEventLoop
    plane: FastPath
    budget: MemoryBudget
    receive: Callable[[WorkerId, Message], None]
    full: Callable[[int], None]
    answer_failure: Callable[[Exchange, bytes, bytes | None], None]
    note_failure: Callable[[str, str, str], None]
    statuses: Statuses
    describe_request: Callable[[RequestHead], str]


class Backend:
    """
    Makes the ring and what belongs to it.

    Args:
        front: the parts of the front that it uses.
        config: the options of its version.
        size: of the ring.
        make_workers: makes the workers, which run the processor at the other end of the ring.
        name: the model's name; None: it answers for the service itself.

    Attributes:
        ring: between the front and the workers.
        dispatcher: the front's end of the ring.
        capacity: how many requests may be in the ring.
        body_buffers: the bodies that arrive in pieces.
        workers: what runs the processor.
        joined: whether it has begun to serve.
        retired: whether another version has taken over.
        file_lists: the answers of its workers to `ListFiles`.
        submit: queues an exchange whose request is complete.
        describe_request: returns method and target of a request, fit for a log.
        note_failure: see `BackendContext`.

    Raises:
        ConfigError: the system has no room for a ring of that size.
    """

    def __init__(
        self,
        front: BackendContext,
        config: HostConfig,
        size: RingSize,
        make_workers: Callable[[Backend], Workers],
        name: str | None = None,
    ) -> None:
        self.name = name
        self.ring = _make_ring(size)
        front.budget.rings.add(self.ring)
        if usable_cores() >= _MIN_CORES:
            self.ring.busy_poll(config.busy_poll * 1000)
        # No request waits so long for others that its time would be up.
        wait = min(
            config.max_batch_timeout, config.keepalive - 1 if config.batching == "fixed" else config.keepalive // 2
        )
        self.ring.set_batching(config.batching, config.max_batch_size, config.max_batch_bytes, wait / 1000)
        streams = stream_slots(config)
        self.ring.set_max_streams(streams)
        if config.explain:
            self.ring.time_requests()
        self.dispatcher = (ExplainingDispatcher if config.explain else Dispatcher)(
            front.loop,
            self.ring,
            front.plane,
            front.budget,
            lambda: front.full(self.ring.waiting()),
            front.answer_failure,
            front.statuses,
        )
        self.capacity = Capacity(
            self.dispatcher,
            size.slots - EARLY_SLOTS - streams,
            config.max_queue_size,
            config.worker_processes,
            config.worker_threads,
        )
        self._max_in_flight = config.max_in_flight
        self.body_buffers = BodyBufferPool(self.ring, front.budget)
        self.describe_request = front.describe_request
        self.note_failure = front.note_failure
        self.joined = self.retired = False
        self.file_lists: asyncio.Queue[FilesListed] = asyncio.Queue()
        self._front = front
        self._early_messages: list[tuple[int, Message]] = []  # those before it joined, by worker
        self.submit: Callable[[Exchange], ErrorResponse | None] = self.dispatcher.submit
        self.workers = make_workers(self)

    @property
    def log_prefix(self) -> str:
        """
        What messages about it begin with: the model's name, or nothing if it answers for the service itself.
        """
        return "" if self.name is None else f"model {self.name}: "

    def join(self) -> None:
        """
        Begin to serve: the front receives what the workers have sent so far.
        """
        self.joined = True
        messages, self._early_messages = self._early_messages, []
        for worker, message in messages:
            self._front.receive(WorkerId(self, worker), message)

    def retire(self) -> None:
        """
        Finish what is under way; the backend of another version gets what arrives (`Backends.successor`).
        """
        self.retired = True
        self.body_buffers.retire()

    def on_message(self, worker: int, message: Message) -> None:
        """
        Handle a *message* that *worker* has sent, or one about its life: `Ready`, `Died`.
        """
        if isinstance(message, Ready):
            self.capacity.set_batch(worker, self.ring.batch_size(worker))
            self.capacity.set_max_in_flight(worker, min(self.ring.max_in_flight(worker), self._max_in_flight))
        if isinstance(message, ProcessCount):
            self.capacity.set_processes(message.count)
        elif isinstance(message, ThreadCount):
            self.capacity.set_threads(worker, message.count)
        elif isinstance(message, FilesListed):
            self.file_lists.put_nowait(message)
        elif self.joined:
            self._front.receive(WorkerId(self, worker), message)
        else:
            self._early_messages.append((worker, message))

    # -- what exchanges ask of it

    @property
    def ring_number(self) -> int:
        """
        The plane's number of its ring.
        """
        return self.dispatcher.ring_number

    def adopt(self, exchange: Exchange) -> None:
        """
        Take over the request in the slot of *exchange*, which the plane has submitted.
        """
        self.dispatcher.adopt(exchange)

    def submit_late(self, exchange: Exchange, age: float) -> ErrorResponse | None:
        """
        Queue *exchange*, which began *age* seconds ago.
        """
        error_response = self.submit(exchange)
        if error_response is None:
            self.ring.start_earlier(exchange.slot, int(age * 1e9))
        return error_response

    def abandon(self, exchange: Exchange) -> None:
        """
        Take *exchange*, whose answer nobody waits for any more, out of the queue, or discard its answer.
        """
        self.dispatcher.abandon(exchange)

    def would_refuse(self) -> ErrorResponse | None:
        """
        Return how a request would be refused if it were submitted now, or None. Asked before work on a request that may
        be in vain, such as decompressing its body.
        """
        return self.dispatcher.would_refuse()

    def refuse_stranded(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Return an error response if *exchange* waits in the queue and no worker is there to take it.
        """
        return self.dispatcher.refuse_stranded(exchange)

    # -- its end

    @property
    def idle(self) -> bool:
        """
        Whether nothing is under way: nobody waits for a request in the ring, and no body arrives in it. A request that
        was answered 408 may still run: neither the end of a version nor that of the host waits for it.
        """
        return not self.dispatcher.awaited and self.body_buffers.idle

    def close(self) -> None:
        """
        Close the ring. Before that the workers must be gone, and nothing may be under way.
        """
        self.dispatcher.close()
        self._front.budget.rings.discard(self.ring)
        self.ring.close()


def stream_slots(config: HostConfig) -> int:
    """
    Return how many slots a ring has for requests whose answers have begun, beside those that its queue needs.
    """
    return spare_slots(config, MAX_STREAMS)


def spare_slots(config: HostConfig, wanted: int) -> int:
    """
    Return for how many of *wanted* slots a ring has room beside those that its queue and its threads need: few if they
    are large, and none if the address space is limited, or the queue is so long that it needs all slots of a ring.
    """
    if address_space_limit() is not None or config.max_queue_size > _LONG_QUEUE:
        return 0
    return min(wanted, MAX_IN_FLIGHT, _SPARE_SPACE // (config.max_body + config.max_output))


def _make_ring(size: RingSize) -> FrontRing:
    try:
        return FrontRing(size)
    except OSError as error:
        raise ConfigError(f"{error}; {_explain_size(size)}") from error


def _explain_size(size: RingSize) -> str:
    """
    Say how much address space a ring of *size* needs, how much a process may have, and which options to lower, the one
    that asks for most of it first.
    """
    needed = size.slots * (size.max_body + size.max_output) / _GIB
    limit = address_space_limit()
    may = "" if limit is None else f", and a process may have {limit / _GIB:.1f} GiB (ulimit -v)"
    body = f"--max-body ({size.max_body / _MIB:g} MiB)"
    output = f"--max-output ({size.max_output / _MIB:g} MiB)"
    first, second = (output, body) if size.max_output >= size.max_body else (body, output)
    return (
        f"it needs {needed:.1f} GiB of address space, which is not memory, for {size.slots} slots, each for the largest"
        f" body and the largest output{may};"
        f" lower {first}, {second}, --max-queue-size, --worker-threads, --worker-processes or --max-batch-size"
    )
