import sys

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        self.load("weights.bin")

    def load(self, path):
        sys.exit(3)

    def process(self, data):
        return data, 200
