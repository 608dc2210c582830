"""
What a call computes before it answers: nothing, or for as much CPU time as the benchmark asks for.
"""

import os
import time

_SECONDS = int(os.environ.get("BENCH_WORK_US", "0")) / 1e6


def work() -> None:
    """
    Use that much CPU time of this thread.
    """
    if _SECONDS:
        end = time.thread_time() + _SECONDS
        while time.thread_time() < end:
            pass
