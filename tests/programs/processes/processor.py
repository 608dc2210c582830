# Several processes, each of which loads the model; str answers and exceptions, which EAS itself does not survive there.
import json
import os

import allspark


class Processor(allspark.BaseProcessor):
    def initialize(self):
        self.weights = {'a': 1.5, 'b': 2}
        print('model loaded in process %d' % os.getpid(), flush=True)

    def process(self, data):
        request = json.loads(data)
        return str(self.weights[request['name']]), 200


if __name__ == '__main__':
    port = 8001
    runner = Processor(worker_threads=5, worker_processes=2, endpoint=f'0.0.0.0:{port}')
    runner.run()
