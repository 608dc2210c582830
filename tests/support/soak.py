"""
What disturbs a host during a soak: each disturbance is a thread that does one kind of harm again and again.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from support import proc
from support.cgroup import Group
from support.host import Host
from support.wire import Client, ConnectionEnded, command, request

MIB = 1 << 20


class Disturbance(ABC, threading.Thread):
    """
    Does `once` until it is told to end, with a wait of random length in between.

    An exception is a failure of the test: it is kept in `failure`.
    """

    def __init__(self, host: Host, pauses: tuple[float, float], seed: object = 0) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self.host = host
        self.rounds = 0
        self.failure: BaseException | None = None
        self.over = threading.Event()
        self.random = random.Random(f"{self.name} {seed}")  # noqa: S311  no secret depends on it
        self._pauses = pauses

    def run(self) -> None:
        try:
            while not self.over.wait(self.random.uniform(*self._pauses)):
                self.once()
                self.rounds += 1
            self.mend()
        except Exception as error:  # noqa: BLE001  told by the test
            self.failure = error

    @abstractmethod
    def once(self) -> None: ...

    def mend(self) -> None:
        """Undoes what would go on after its end."""


class Killer(Disturbance):
    """Kills a worker from outside; now and then each new one for a while, as the kernel does for want of memory."""

    def once(self) -> None:
        storm = self.random.random() < 0.1
        limit = time.monotonic() + (3.0 if storm else 0.0)
        while True:
            for pid in self.host.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                if not storm:
                    return
            if time.monotonic() > limit or self.over.wait(0.2):
                return


class Poisoner(Disturbance):
    """Sends requests that end their worker, at once or after their answer."""

    def __init__(self, host: Host, pauses: tuple[float, float], seed: object, poisons: Sequence[str]) -> None:
        super().__init__(host, pauses, seed)
        self.statuses: Counter[tuple[str, int]] = Counter()
        self._poisons = poisons

    def once(self) -> None:
        poison = self.random.choice(self._poisons)
        self.statuses[poison, self.host.call(command(poison)).status] += 1


class SlowReader(Disturbance):
    """Asks for a large answer and reads nothing of it, until the host hangs up or up to 8 s have passed."""

    def once(self) -> None:
        with Client(self.host.address, receive_buffer=4096) as client:
            client.send(request(body=command("size", str(16 * MIB))))
            client.wait_hang_up(self.random.uniform(0, 8))


class StalledUpload(Disturbance):
    """Begins a large body and stops, until the host answers, hangs up, or up to 5 s have passed."""

    def once(self) -> None:
        size = self.random.choice([1, 8, 60]) * MIB
        with Client(self.host.address) as client:
            head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode()
            client.socket.settimeout(5)
            with contextlib.suppress(OSError):
                client.send(head)
                for _ in range(self.random.randrange(size // MIB)):
                    client.send(b"u" * MIB)
            select.select([client.socket], [], [], self.random.uniform(0, 5))


class WholeUpload(Disturbance):
    """Uploads a large body as fast as it can and wants it back, unless the host says that there is no room for it."""

    def once(self) -> None:
        body = self.random.randbytes(1000) * 4000
        with Client(self.host.address) as client:
            try:
                client.send(request(body=body))
                response = client.read()
            except (ConnectionEnded, OSError):
                return  # refused with the body under way: the answer is lost with the connection
        assert response.status in (200, 450, 503), response
        assert response.status != 200 or response.body.partition(b"|")[2] == body


class Editor(Disturbance):
    """
    Writes another version of the program; every tenth does not load.

    Until two more are written the file *unloadable* is there: workers that die meanwhile cannot be replaced, and when
    none is left, requests that arrive are answered 503.
    """

    def __init__(
        self, host: Host, pauses: tuple[float, float], write: Callable[[int, bool], None], unloadable: Path
    ) -> None:
        super().__init__(host, pauses)
        self._write = write
        self._unloadable = unloadable

    def once(self) -> None:
        version = self.rounds + 2
        since_broken = version % 10
        if since_broken == 0:
            self._unloadable.touch()
        elif since_broken > 1:
            self._unloadable.unlink(missing_ok=True)
        self._write(version, since_broken == 0)

    def mend(self) -> None:
        """A version that does not load must not be the last: no worker could be replaced any more."""
        self._write(self.rounds + 2, False)


class StoppedReader(Disturbance):
    """Stops the process that reads the host's log for a while."""

    def __init__(self, host: Host, pauses: tuple[float, float], reader: int) -> None:
        super().__init__(host, pauses)
        self._reader = reader

    def once(self) -> None:
        os.kill(self._reader, signal.SIGSTOP)
        self.over.wait(self.random.uniform(1, 6))
        os.kill(self._reader, signal.SIGCONT)


class Shortage(Disturbance):
    """For a while no process and no thread can be started."""

    def __init__(self, host: Host, pauses: tuple[float, float], group: Group) -> None:
        super().__init__(host, pauses)
        self._group = group

    def once(self) -> None:
        self._group.limit_processes(self.random.randrange(3))
        self.over.wait(self.random.uniform(0.5, 4))
        self._group.limit_processes(None)


class Watcher(Disturbance):
    """Asks the host how it is, and notes how much memory its front had at most and how long ping took at worst."""

    def __init__(self, host: Host, pauses: tuple[float, float]) -> None:
        super().__init__(host, pauses)
        self.memory = 0
        self.slowest = 0.0

    def once(self) -> None:
        before = time.monotonic()
        assert self.host.call(None, "/api/builtin/ping", "GET").status == 200
        self.slowest = max(self.slowest, time.monotonic() - before)
        holdings = proc.holdings(self.host.pid)
        self.memory = max(self.memory, (holdings.anonymous + holdings.shared) * 1024)


def log_reader(host: Host, path: Path) -> int:
    """The process that stands between the host's standard error and the test, by the file that it wrote its pid to."""
    host.wait_for_log("Service start successfully")
    return int(path.read_text())
