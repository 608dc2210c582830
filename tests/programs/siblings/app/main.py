# Packages beside the program and beside its folder, found through sys.path as everybody does it; the base class is theirs.
import os
import sys

sys.path.append('.')
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

from allspark import *

from common.base import TimedProcessor
from features.words import split_words


class Processor(TimedProcessor):
    def initialize(self):
        self.stop_words = {b'the', b'a'}

    def predict(self, data):
        from features import counting  # as late as that
        return counting.count(word for word in split_words(data) if word not in self.stop_words)


if __name__ == '__main__':
    assert issubclass(Processor, BaseProcessor)
    runner = Processor(worker_threads=2, endpoint='0.0.0.0:8000')
    runner.run()
