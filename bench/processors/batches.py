"""
The echo of a device that does one thing at a time, such as a GPU: a call takes 2 ms, and 0.1 ms for each request,
without CPU time.
"""

import threading
import time

import allspark

_device = threading.Lock()


def _compute(requests: int) -> None:
    with _device:
        time.sleep((2000 + 100 * requests) / 1e6)


class Echo(allspark.BaseProcessor):
    """
    Answers with what it was sent.
    """

    def initialize(self) -> None:
        """
        There is nothing to load.
        """

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Return *data*.
        """
        _compute(1)
        return data, 200

    def batch_process(self, batch: "list[bytes]") -> "list[tuple[bytes, int]]":
        """
        Return what is in *batch*.
        """
        _compute(len(batch))
        return [(data, 200) for data in batch]
