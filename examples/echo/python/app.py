"""
Echo: answers with what it was sent.

A whole processor in its smallest form. `initialize` runs once, before the first request; `process` runs for
each request, on several threads at once, so what it shares it only reads.
"""

from __future__ import annotations

import allspark


class EchoProcessor(allspark.BaseProcessor):
    """
    The host finds this class because it is the file's only subclass of `BaseProcessor`.
    """

    def initialize(self) -> None:
        """
        Load the model. What is raised here ends the start of the service.
        """
        self.error = b"input data should not be empty"

    def process(self, data: bytes) -> tuple[bytes, int]:
        """
        Answer one request with a body and a status. What is raised here answers 400 with its message.
        """
        if not data:
            return self.error, 400
        return data, 200


if __name__ == "__main__":
    # EAS starts this file itself; eas-host imports it and gives its own --worker-threads instead.
    runner = EchoProcessor(worker_threads=10)
    runner.run()
