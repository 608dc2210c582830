"""
Answers "alone INPUT", or in a batch "together INPUT"; but an input may say that it does something odd, in both methods
or, with "together" at its end, in the one for a batch only. See batches.cc, which knows the same words.
"""

import os
import sys
import threading

import allspark

TOGETHER = b" together"


class Batches(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return (b"alone " + data, 200) if data.endswith(TOGETHER) else obey(data, b"alone " + data)

    def batch_process(self, batch):
        answers = []
        for data in batch:
            if data == b"no list":
                return None
            if data == b"too short":
                return answers
            if data == b"too long":
                answers *= 4
            elif data == b"shared":
                answers.append(answers[-1])  # the answer of the request before
            else:
                verb = data[: -len(TOGETHER)] if data.endswith(TOGETHER) else data
                answers.append(obey(verb, b"together " + data))
        return answers


def obey(verb, answer):
    if verb == b"throws":
        raise ValueError("bad input")
    if verb == b"status":
        return answer, 418
    if verb == b"dies":
        os.abort()
    if verb == b"dies in thread":
        thread = threading.Thread(target=os.abort)
        thread.start()
        thread.join()
    if verb == b"ends its thread":
        sys.exit(3)
    if verb == b"hangs":
        hang()
    if verb == b"nothing":
        return None
    if verb == b"the input":
        return verb, 200
    return (b"x" * (1 << 20) if verb == b"large" else answer), 200


def hang():
    threading.Event().wait()
