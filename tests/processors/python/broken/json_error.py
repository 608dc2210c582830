import json

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        self.config = json.loads('{"threshold": 0.5,}')

    def process(self, data):
        return data, 200
