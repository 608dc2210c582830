"""
Echo: answers with what it was sent.

A whole processor in its smallest form. `initialize` runs once, before the first request; `process` runs for
each request, on several threads at once, so what it shares it only reads.
"""

import allspark


class EchoProcessor(allspark.BaseProcessor):
    """
    A processor, and the whole of it.
    """

    def initialize(self) -> None:
        """
        Load the model. What is raised here ends the start of the service.
        """
        self.error = b"input data should not be empty"

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Answer one request with a body and a status. What is raised here answers 400 with its message.
        """
        if not data:
            return self.error, 400
        return data, 200


if __name__ == "__main__":
    EchoProcessor(worker_threads=5).run()
