from functools import partial

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        partial(setattr, self, "scale", 2)()

    def process(self, data):
        if data == b"rare":
            return self.pre_proccess(data), 200
        if data == b"nothing":
            return None
        return data * self.scale, 200

    def pre_process(self, data):
        return data
