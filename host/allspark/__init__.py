"""
What a python processor imports: `BaseProcessor`.

    import allspark

    class MyProcessor(allspark.BaseProcessor):
        def initialize(self):
            self.weight = 2

        def process(self, data):
            return str(self.weight * int(data)).encode(), 200

Serve it with `eas-host --entry app.py`.
"""

from __future__ import annotations

from typing import NoReturn

__all__ = ["BaseProcessor"]


class BaseProcessor:
    """
    The base of every python processor. Override `initialize` and `process`.

    Attributes:
        worker_threads: how many threads call `process`. Under `eas-host` its option --worker-threads decides.
        worker_processes: how many processes there are. Under `eas-host` --worker-processes decides.
        endpoint: `HOST:PORT` to listen on. Under `eas-host` --listen decides.
        io_threads: accepted for compatibility; the host's front needs no such number.
    """

    def __init__(
        self,
        worker_threads: int = 5,
        worker_processes: int = 1,
        endpoint: str | None = None,
        *,
        io_threads: int = 4,
    ) -> None:
        self.worker_threads = worker_threads
        self.worker_processes = worker_processes
        self.endpoint = endpoint
        self.io_threads = io_threads

    def initialize(self) -> None:
        """
        Load the model. Called once in each worker process, before the first request.
        """
        raise NotImplementedError("initialize not implemented")

    def process(self, data: bytes) -> tuple[bytes, int]:
        """
        Answer one request. Called from several threads at once.

        Args:
            data: the request's body; empty for a request without one.

        Returns:
            The answer's body and its status: 0 or 200, or an HTTP status.
        """
        raise NotImplementedError("process not implemented")

    def run(self) -> NoReturn:
        """
        Say how to serve: this version runs processors under `eas-host` only.
        """
        raise SystemExit("allspark: start this file with `eas-host --entry FILE`; it cannot run directly yet")
