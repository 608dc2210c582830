"""
The host that runs in the front of `python app.py`.
"""

from __future__ import annotations

import asyncio

from eas_host.config import HostConfig
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.workers import Workers
from eas_host.errors import LoadError
from eas_host.service.host import Host
from eas_host.service.service_version import ring_size
from eas_host.sidecar.child_workers import ChildWorkers
from eas_host.sidecar.program_channel import ProgramChannel
from eas_host.sidecar.program_worker import ProgramWorker
from eas_runtime.messages import Handshake


class SidecarHost(Host):
    """
    Serves one user's process, which is at the other end of *channel*, as the service *name*.

    Attributes:
        backend: the user's processor.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig, channel: ProgramChannel, name: str) -> None:
        super().__init__(loop, config)
        self._channel = channel
        self.backend = Backend(self.front.backend_context, config, ring_size(config, python=True), self._make_workers)
        for number in range(config.worker_processes):
            self.backend.capacity.set_threads(number, 0)  # until the worker says how many it has
        self.front.serve(name, config, [self.backend])

    async def run(self) -> None:
        """
        Open the port, tell the program, and serve until the program or a signal stops it.

        Raises:
            LoadError: the worker processes cannot load the processor.
        """
        self.watch_signals()
        await self.listen()
        self.backend.dispatcher.set_worker_state(alive=False, ready=True)  # requests wait
        handshake = Handshake(
            worker=0,
            max_in_flight=self.config.max_in_flight,
            port=self.port,
            url=self.url,
            json=self.config.log_format == "json",
            token=self.config.token if self.config.generate_token else None,
            threads=self.config.worker_threads if "worker_threads" in self.config.explicit else None,
            processes=self.config.worker_processes,
        )
        self._channel.send_handshake(self.backend.ring, handshake)
        await self.serve_until_stopped()

    def on_fatal(self, error: LoadError) -> None:
        """
        End with *error*: the processor cannot be loaded any more.
        """
        self.backend.dispatcher.give_up(error.message)
        super().on_fatal(error)

    def _make_workers(self, backend: Backend) -> Workers:
        if self.config.worker_processes > 1:
            return ChildWorkers(self, self._channel, backend)
        return ProgramWorker(self, self._channel, backend)
