# Processes that are spawned, because the model does not survive a fork; what the constructor got must arrive in them.
import multiprocessing as mp

import allspark


class MyProcessor(allspark.BaseProcessor):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def initialize(self):
        self.ready = True

    def process(self, data):
        assert self.ready
        return str(int(data) * self.factor).encode(), 0


if __name__ == '__main__':
    mp.set_start_method('spawn')
    MyProcessor(7, worker_processes=2, endpoint='0.0.0.0:8000').run()
