"""
The contract processor. Where a file named `starve` lies beside it, its worker cannot start its second thread, once a
call waits at a gate on the first; with a file named `compute`, that call computes for as long as the process lives. See
no_second_thread.c, which is to be preloaded.
"""

import ctypes
import time
from pathlib import Path

import contract

STARVE = Path(__file__).with_name("starve")
COMPUTE = Path(__file__).with_name("compute")
preloaded = ctypes.CDLL(None)
tell = contract.tell


def tell_both(folder, event, body):
    tell(folder, event, body)
    preloaded.call_has_begun()


def tell_and_compute(folder, event, body):
    tell_both(folder, event, body)
    while True:
        pass


class Lasting:
    """Something whose end takes long, as that of a model may."""

    def __del__(self, wait=time.sleep):
        wait(60)


class NoSecondThread(contract.Contract):
    def initialize(self):
        super().initialize()
        contract.tell = tell_both
        if COMPUTE.exists():
            COMPUTE.unlink()
            contract.tell = tell_and_compute
            self.model = Lasting()
        if STARVE.exists():
            STARVE.unlink()
            preloaded.fail_the_second()
