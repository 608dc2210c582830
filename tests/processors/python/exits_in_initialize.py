import sys

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        sys.exit(0)

    def process(self, data):
        return data, 200
