"""
Gates: how a test knows that a request is inside its processor, and holds it there for as long as it wants.

A gate is a folder with two named pipes. A processor that is sent through it writes "enter PID BODY" into
`entered`, then reads one byte from `leave`, then writes "leave PID BODY". The test reads the first pipe and
writes bytes into the second one. It holds both of them open for reading and writing, so that nobody ever
waits in open().

So a test counts how often a request ran and on which process, and no clock is needed to say "while it runs".
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import TIMEOUT
from support.host import Host
from support.wire import Client, command

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Event:
    kind: str  # "enter" or "leave"
    pid: int
    body: str


class Gate:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self._rest = b""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("entered", "leave"):
            os.mkfifo(folder / name)
        self._entered = os.open(folder / "entered", os.O_RDWR | os.O_CLOEXEC)
        self._leave = os.open(folder / "leave", os.O_RDWR | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, body: bytes = b"", verb: str = "gate") -> bytes:
        """The input that sends a request through this gate; the answer is *body*."""
        return command(verb, str(self.folder).encode() + b":" + body)

    def wait(self, enough: Callable[[list[Event]], bool], why: str = "the awaited event") -> None:
        """Reads events until *enough* of them."""
        while not enough(self.events):
            assert select.select([self._entered], [], [], TIMEOUT)[0], f"no {why} at the gate; seen: {self.events}"
            *lines, self._rest = (self._rest + os.read(self._entered, 65536)).split(b"\n")
            self.events += [
                Event(kind, int(pid), body) for kind, pid, body in (line.decode().split(" ", 2) for line in lines)
            ]

    def wait_entered(self, times: int = 1) -> list[Event]:
        """Waits until *times* entries were seen in all, and returns them."""
        self.wait(lambda events: sum(event.kind == "enter" for event in events) >= times, f"entry number {times}")
        return self.entries()

    def wait_left(self, times: int = 1) -> None:
        self.wait(lambda events: sum(event.kind == "leave" for event in events) >= times, f"leaving number {times}")

    def entries(self) -> list[Event]:
        return [event for event in self.events if event.kind == "enter"]

    def catch_up(self) -> list[Event]:
        """Reads what is there, without waiting, and returns all events."""
        while select.select([self._entered], [], [], 0)[0]:
            seen = len(self.events)
            self.wait(lambda events: len(events) > seen)  # noqa: B023 - called at once
        return self.events

    def release(self, times: int = 1) -> None:
        """Lets *times* requests go on; those that have not come yet will pass without waiting."""
        os.write(self._leave, b"." * times)

    def close(self) -> None:
        """Removes the gate: whoever waits inside reads the end of the pipe and goes on."""
        for descriptor in (self._entered, self._leave):
            if descriptor >= 0:
                os.close(descriptor)
        self._entered = self._leave = -1


def hold(host: Host, gate: Gate, clients: ExitStack, count: int) -> list[Client]:
    """
    Sends *count* requests to *host* through *gate*, with bodies "0", "1", ..., and waits until all of them are inside.
    """
    before = len(gate.entries())
    held = [clients.enter_context(host.ask(gate.command(b"%d" % number))) for number in range(count)]
    gate.wait_entered(before + count)
    return held
