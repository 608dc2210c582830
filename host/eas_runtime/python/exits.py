"""
`os._exit` in a worker process, which ends it at once, without a word: the front is told who called it, and from where.
"""

import contextlib
import faulthandler
import os
from typing import NoReturn

from eas_runtime.ring import WorkerRing


def report(ring: WorkerRing, fd: int) -> None:
    """
    Have `os._exit` record in *ring* that this thread ends the process, and write its frames to *fd*, from now on. A
    child that this process forks ends as always.
    """
    real_exit = os._exit
    process = os.getpid()

    def _exit(status: int) -> NoReturn:
        if os.getpid() == process:
            with contextlib.suppress(Exception):  # it ends in any case
                os.write(fd, b"os._exit\n")
                faulthandler.dump_traceback(fd, all_threads=False)
                ring.record_exit(status)
        real_exit(status)

    os._exit = _exit
