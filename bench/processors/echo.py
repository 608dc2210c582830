"""
The least that a Python processor can do: the same bytes back. If the benchmark asks for it, each call uses so many
microseconds of CPU time first.
"""

import os
import time

import allspark

_WORK_S = int(os.environ.get("BENCH_WORK_US", "0")) / 1e6


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
        if _WORK_S:
            end = time.thread_time() + _WORK_S
            while time.thread_time() < end:
                pass
        return data, 200


if __name__ == "__main__":
    Echo().run()
