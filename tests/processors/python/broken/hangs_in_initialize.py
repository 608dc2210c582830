import threading

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        self.ready = threading.Event()
        self.ready.wait()

    def process(self, data):
        return data, 200
