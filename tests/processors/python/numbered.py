"""
Answers that can be told apart byte by byte (tests/support/numbered.py), by generators or whole.
"""

import os

import allspark


class Numbered(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        parts = made(data)
        return (b"".join(parts), 200) if data.endswith(b"whole") else parts

    # What fails for one fails for the batch: it does not say for which.
    def batch_process(self, batch):
        return [self.process(data) for data in batch]


def made(data):
    _, number, parts, size, end = data.decode().split(" ")
    for index in range(int(parts)):
        label = b"%d.%d.%d " % (int(number), index, os.getpid())
        yield (label * (int(size) // len(label) + 1))[: int(size)]
    if end == "fail":
        raise ValueError("failed")
    if end == "die":
        os.abort()
