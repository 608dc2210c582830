import ctypes

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        ctypes.string_at(8)

    def process(self, data):
        return data, 200
