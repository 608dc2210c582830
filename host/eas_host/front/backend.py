"""
One processor as the front sees it: its ring, who dispatches to it, what bounds that, and the workers at the other end.

A host has one backend, or one for each model of a service that has several. A new version of a processor is a new
backend, too: its workers load while the old one serves. What they say is kept until it *joins* the front, so a version
that does not come to serve leaves no trace. From then on the old one is *retired*: it finishes what it has, and what
arrives for it goes to its successor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eas_host.config import HostConfig
from eas_host.errors import ConfigError
from eas_host.front.crew import Crew
from eas_host.front.dispatch import Dispatcher
from eas_host.front.limits import EARLY_SLOTS
from eas_host.front.upload import Uploads
from eas_host.memory import address_space
from eas_host.ring import FrontRing, Shape

if TYPE_CHECKING:
    from eas_host.front.context import FrontContext
    from eas_host.workers import Workers


_MIB: Final = 2**20
_GIB: Final = 2**30


class Peer(NamedTuple):
    """
    One worker of the host: worker *number* of *backend*.
    """

    backend: Backend
    number: int


class Backend:
    """
    Makes the ring and what belongs to it; whoever makes the backend adds its *workers*.

    Args:
        front: what it is to join.
        config: the options of its version.
        shape: of the ring.
        name: the model's name; None: it answers for the service itself.

    Attributes:
        ring: between the front and the workers.
        dispatcher: the front's end of the ring.
        crew: how many requests may be in the ring.
        uploads: the bodies that arrive in pieces.
        workers: what runs the processor.
        joined: whether it has begun to serve.
        retired: whether another version has taken over.

    Raises:
        ConfigError: there is no room for such a ring.
    """

    workers: Workers

    def __init__(self, front: FrontContext, config: HostConfig, shape: Shape, name: str | None = None) -> None:
        self.name = name
        self.ring = _make_ring(shape)
        front.budget.rings.add(self.ring)
        threads = config.worker_threads * config.worker_processes
        self.dispatcher = Dispatcher(front.loop, self.ring, front.budget, config.max_queue_size + threads, threads)
        self.crew = Crew(
            self.dispatcher,
            shape.slots - EARLY_SLOTS,
            config.max_queue_size,
            config.worker_processes,
            config.worker_threads,
        )
        self.uploads = Uploads(self.ring, front.budget)
        self.joined = self.retired = False
        self._front = front
        self._kept: list[tuple[int, dict[str, Any]]] = []
        self.dispatcher.on_full = lambda: front.diagnosis.full(self.ring.waiting())

    @property
    def where(self) -> str:
        """
        How the log calls it in front of what it says: nothing where there is no other.
        """
        return "" if self.name is None else f"model {self.name}: "

    def join(self) -> None:
        """
        Serve from here on: the front hears what the workers have said.
        """
        self.joined = True
        kept, self._kept = self._kept, []
        for worker, message in kept:
            self._front.on_message(Peer(self, worker), message)

    def retire(self) -> None:
        """
        Finish what is under way; another version's gets what arrives (`Backends.heir`).
        """
        self.retired = True
        self.uploads.retire()

    def on_message(self, worker: int, message: dict[str, Any]) -> None:
        """
        Take a *message* of a *worker*, or about its life: `ready`, `died`.
        """
        event = message["event"]
        if event == "processes":
            self.crew.set_processes(message["count"])
        elif event == "threads":
            self.crew.set_threads(worker, message["count"])
        elif self.joined:
            self._front.on_message(Peer(self, worker), message)
        else:
            self._kept.append((worker, message))

    @property
    def idle(self) -> bool:
        """
        Whether nothing is under way: nobody waits for a request in the ring, and no body arrives in it. A request that
        was answered 408 may run on; as when the host stops, nothing waits for that.
        """
        return not self.dispatcher.awaited and self.uploads.idle

    def close(self) -> None:
        """
        Give the ring back. The workers are gone, and nothing is under way.
        """
        self.dispatcher.close()
        self._front.budget.rings.discard(self.ring)
        self.ring.close()


def _make_ring(shape: Shape) -> FrontRing:
    try:
        return FrontRing(shape)
    except OSError as error:
        raise ConfigError(f"{error}; {_wish(shape)}") from error


def _wish(shape: Shape) -> str:
    """
    Say how much address space a ring of *shape* wants, how much there may be, and which option asks for most of it.
    """
    wanted = shape.slots * (shape.max_body + shape.max_output) / _GIB
    limit = address_space()
    may = "" if limit is None else f", and a process may have {limit / _GIB:.1f} GiB (ulimit -v)"
    body = f"--max-body ({shape.max_body / _MIB:g} MiB)"
    output = f"--max-output ({shape.max_output / _MIB:g} MiB)"
    first, second = (output, body) if shape.max_output >= shape.max_body else (body, output)
    return (
        f"it wants {wanted:.1f} GiB of address space, but no memory: {shape.slots} slots, each for the largest body and"
        f" the largest output{may}; lower {first}, {second}, --max-queue-size, --worker-threads or --worker-processes"
    )
