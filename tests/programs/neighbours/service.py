# Files beside the program, opened from wherever it was started: when it is imported, when it is initialised, later.
import json

import allspark

with open('data/schema_01.json') as f:
    SCHEMA = json.load(f)


def load_model(path):
    with open(path) as f:
        return f.read().strip()


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        self.model = load_model('./model.h5')

    def process(self, data):
        second = load_model('saved_models/x.h5')
        return '; '.join([SCHEMA['columns'][int(data)], self.model, second]).encode(), 0


if __name__ == '__main__':
    runner = MyProcessor(worker_threads=2, endpoint='0.0.0.0:8000')
    runner.run()
