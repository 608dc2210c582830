"""
What a call computes before it answers: nothing, or for as much CPU time as the benchmark asks for; or it waits for a
device that does one thing at a time, such as a GPU, as processors/batches.cc does.
"""

import os
import threading
import time

_SECONDS = int(os.environ.get("BENCH_WORK_US", "0")) / 1e6
_DEVICE = bool(os.environ.get("BENCH_DEVICE"))
_device = threading.Lock()


def work(requests: int = 1) -> None:
    """
    Use that much CPU time of this thread for each of *requests*, or that device for all of them together.
    """
    if _DEVICE:
        with _device:
            time.sleep((2000 + 100 * requests) / 1e6)
    if _SECONDS:
        end = time.thread_time() + requests * _SECONDS
        while time.thread_time() < end:
            pass
