"""
Prints without an end: on a thread of its own, or from a program that has left its process group.
"""

import os
import signal
import subprocess
import sys
import threading

import allspark

LINES = "x\n" * 4096
FOR_EVER = "import os, sys\nwhile True: os.write(1, b'x\\n' * 2048)"


def flood():
    while True:
        os.write(1, LINES.encode())


class Floods(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        if data == b"flood":
            threading.Thread(target=flood, daemon=True).start()
        elif data == b"leave":
            child = subprocess.Popen([sys.executable, "-c", FOR_EVER], start_new_session=True)
            return str(child.pid).encode(), 200
        elif data == b"kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif data == b"last words":
            os.write(1, b"".join(b"line %d\n" % number for number in range(5000)))
            os.abort()
        return b"done", 200
