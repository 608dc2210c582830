"""
The contract processor. Where a file named `starve` lies beside it, its worker cannot start its second thread, once a
call waits at a gate on the first. See no_second_thread.c, which is to be preloaded.
"""

import ctypes
from pathlib import Path

import contract

STARVE = Path(__file__).with_name("starve")
preloaded = ctypes.CDLL(None)
tell = contract.tell


def tell_both(folder, event, body):
    tell(folder, event, body)
    preloaded.call_has_begun()


class NoSecondThread(contract.Contract):
    def initialize(self):
        super().initialize()
        contract.tell = tell_both
        if STARVE.exists():
            STARVE.unlink()
            preloaded.fail_the_second()
