"""
One processor for all failures that a call can have; the request says which. Any other is answered with itself, after ten
milliseconds.
"""

import ctypes
import json
import os
import pdb
import pickle
import sys
import threading
import time

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        self.lock = threading.Lock()
        self.lock.acquire()
        self.kept = []

    def process(self, data):
        return getattr(self, data.decode(), lambda: self.echo(data))()

    def echo(self, data):
        time.sleep(0.01)
        return data, 200

    def pre_process(self):
        return b"", 200

    def bare(self):
        return b"ok"

    def swapped(self):
        return 200, b"ok"

    def nothing(self):
        return None

    def three(self):
        return b"ok", 200, {}

    def text_status(self):
        return b"ok", "200"

    def typo(self):
        mine = self
        return mine.pre_proccess()

    def json(self):
        return json.loads("{]"), 200

    def unpicklable(self):
        return pickle.dumps(self.lock), 200

    def recursion(self):
        return self.recursion()

    def chained(self):
        try:
            return {}["weight"], 200
        except KeyError as error:
            raise ValueError("no model") from error

    def sys_exit(self):
        sys.exit(3)

    def os_exit(self):
        os._exit(3)

    def crash(self):
        return ctypes.string_at(8), 200

    def loop(self):
        while True: pass

    def sleep(self):
        time.sleep(600)

    def wait(self):
        self.lock.acquire()

    def stop(self):
        breakpoint()

    def trace(self):
        pdb.set_trace()

    def unprintable(self):
        return b"\xff".decode(), 200

    def move(self):
        os.chdir("/")
        return b"moved", 200

    def read(self):
        with open("calls.py") as file:
            return file.read(20), 200

    def keep(self):
        self.kept.append(b"x" * (4 << 20))
        return b"kept", 200
