"""Counts how often a client asks: "KEY CODE TIMES" is answered with CODE for the first TIMES times."""

import collections
import threading

import allspark

asked = collections.Counter()
lock = threading.Lock()


class Counts(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        key, code, times = data.split()
        with lock:
            asked[key] += 1
            count = asked[key]
        return b"%d" % count, int(code) if count <= int(times) else 200
