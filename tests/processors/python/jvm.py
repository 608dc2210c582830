"""
A processor that starts a JVM by JPype: while it loads if JVM_IN_INITIALIZE is set, else at the first `jvm`.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import allspark

sys.path.append(str(Path(__file__).parent))
STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def handlers():
    """The addresses of what handles the signals that end a program."""
    actions = ctypes.create_string_buffer(1024)
    found = []
    for number in STOP:
        ctypes.CDLL(None).sigaction(int(number), None, actions)
        found.append(ctypes.cast(actions, ctypes.POINTER(ctypes.c_void_p))[0])
    return found


def start_jvm():
    import jpype

    before = handlers()
    jpype.startJVM()
    return before


class Jvm(allspark.BaseProcessor):
    def initialize(self):
        if "JVM_IN_INITIALIZE" in os.environ:
            start_jvm()

    def process(self, data):
        verb, _, folder = data.decode().partition(" ")
        if verb == "jvm":
            before = start_jvm()
            while handlers() != before:
                time.sleep(0.01)
            return "given back", 200
        if verb == "java":
            import jpype

            return str(jpype.JClass("java.lang.Integer").valueOf(6)), 200
        if verb == "gate":
            Path(folder, "entered").open("a").write(f"enter {os.getpid()} x\n")
            Path(folder, "leave").open("rb", buffering=0).read(1)
        return data, 200


if __name__ == "__main__":
    Jvm().run()
    print("behind run", flush=True)
