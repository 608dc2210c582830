"""
The front's program under `python app.py`.

Its arguments are CONTROL PARENT: the socket to the user's process, over which comes first what the program asks for,
and that process's number. Everything else comes from EAS_HOST_ variables, which win over the program, as they do under
eas-host. The port is open, and requests wait, from when the program constructs its processor; the program ends this
process, or its own end does.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from eas_host import log, signals
from eas_host.cli.main import exit_code_of
from eas_host.cli.options import read_config
from eas_host.config import HostConfig
from eas_host.config.values import Address, address
from eas_host.errors import ConfigError, LoadError
from eas_host.front.backend import Backend
from eas_host.front.properties import options_of
from eas_host.front.workers import Workers
from eas_host.serving import Host, make_loop, raise_file_limit
from eas_host.sidecar.front.child_workers import ForkedWorkers
from eas_host.sidecar.front.program_channel import Link
from eas_host.sidecar.front.program_worker import ProgramWorker
from eas_host.versions import ring_shape


def main() -> int:
    """
    Run the front.
    """
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    return exit_code_of(lambda: _serve(sock, int(sys.argv[2]), _receive_plan(sock)))


def _receive_plan(sock: socket.socket) -> dict[str, Any]:
    """
    Wait for the first message. The command line, which others can read, does not have it: there may be a token in it.
    """
    with sock.makefile("rb", buffering=0) as file:
        plan: dict[str, Any] = json.loads(file.readline() or "null")
    if plan is None:
        raise SystemExit(1)  # the program has died
    return plan


def _serve(sock: socket.socket, parent: int, plan: dict[str, Any]) -> int:
    config = read_plan(plan)
    log.configure(config.log_level, config.log_format)
    log.write_behind()
    signals.ignore_unused()
    raise_file_limit()
    loop = make_loop()
    link = Link(loop, sock, parent)
    host = AttachedHost(loop, config, link, config.name or Path(plan["script"]).stem or "processor")
    try:
        loop.run_until_complete(host.run())
    finally:
        host.close()
    return 0


def read_plan(plan: dict[str, Any]) -> HostConfig:
    """
    Read the variables over what the program asks for.

    Raises:
        ConfigError: one of them is wrong.
    """
    config = read_config([])
    if config.user or config.sandbox:
        name = "EAS_HOST_USER" if config.user else "EAS_HOST_SANDBOX"
        raise ConfigError(f"{name}: the processor runs in the program's own process; start it with eas-host --entry")
    if "listen" not in config.given:
        config = replace(config, listen=_listen(config.listen, plan["endpoint"]))
    if "worker_processes" not in config.given:
        config = replace(config, worker_processes=plan["processes"])
    # What was put already counts from the start: the ring is that large, and nobody is served without that token.
    put = options_of(plan["properties"])
    config = replace(config, **{name: value for name, value in put.items() if name not in config.given})
    return replace(config, isolation="process", entry=plan["script"])


def _listen(default: Address, endpoint: str | None) -> Address:
    if os.environ.get("NAMESPACE") and os.environ.get("POD_NAME"):
        return Address("0.0.0.0", 8080)  # noqa: S104  as EAS does there: docs/eas-compatibility.md, section 3.2
    if endpoint is None:
        return default
    text = endpoint.removeprefix("http://").rstrip("/")
    try:
        return address(f":{text}" if text.isdigit() else text)
    except ValueError as error:
        raise ConfigError(f"endpoint {endpoint!r}: {error}") from error


class AttachedHost(Host):
    """
    The front of one user's process, at the other end of *link*, under the service's *name*.

    Attributes:
        backend: the user's processor.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig, link: Link, name: str) -> None:
        super().__init__(loop, config)
        self._link = link
        self.backend = Backend(self.front.surroundings, config, ring_shape(config, python=True), self._make_workers)
        for number in range(config.worker_processes):
            self.backend.crew.set_threads(number, 0)  # until they say otherwise
        self.front.serve(name, config, [self.backend])

    async def run(self) -> None:
        """
        Open the port, tell the program, and serve until it, or a signal, says stop.

        Raises:
            LoadError: the worker processes cannot load the processor.
        """
        self.watch_signals()
        await self.listen()
        self.backend.dispatcher.set_worker_state(alive=False, ready=True)  # requests wait
        self._link.welcome(
            self.backend.ring,
            port=self.port,
            url=self.url,
            json=self.config.log_format == "json",
            token=self.config.token if self.config.generate_token else None,
            threads=self.config.worker_threads if "worker_threads" in self.config.given else None,
            processes=self.config.worker_processes,
        )
        await self.serve_until_stopped()

    def on_fatal(self, error: LoadError) -> None:
        """
        The processor cannot be loaded any more.
        """
        self.backend.dispatcher.give_up(error.message)
        super().on_fatal(error)

    def _make_workers(self, backend: Backend) -> Workers:
        if self.config.worker_processes > 1:
            return ForkedWorkers(self, self._link, backend)
        return ProgramWorker(self, self._link, backend)
