"""
Starts a program that never ends by itself, and serves an echo; "gate:FOLDER" as input holds the request.

A file "deaf" beside it: blocks all signals first. A file "gate": passes the gate that it names (see
support/gate.py) before initialize returns.
"""

import os
import signal
import subprocess
import sys

import allspark

WAITS = "import signal; print('started', flush=True); signal.pause()"

def pass_gate(folder):
    with open(f"{folder}/entered", "wb", buffering=0) as entered:
        entered.write(f"enter {os.getpid()} here\n".encode())
    with open(f"{folder}/leave", "rb", buffering=0) as leave:
        leave.read(1)


class StartsOthers(allspark.BaseProcessor):
    def initialize(self):
        if os.path.exists("deaf"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self.program = subprocess.Popen([sys.executable, "-S", "-c", WAITS], stdout=subprocess.PIPE)
        self.program.stdout.readline()  # it runs
        if os.path.exists("gate"):
            with open("gate", encoding="utf-8") as file:
                pass_gate(file.read())

    def process(self, data):
        if data.startswith(b"gate:"):
            pass_gate(data[5:].decode())
        return data, 200
