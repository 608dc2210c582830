"""The name is no identifier, and nothing says that it must be."""

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return b"served", 200
