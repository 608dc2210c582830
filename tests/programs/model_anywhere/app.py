# One program for several places: a variable that only EAS sets, absolute paths of two generations, variables of its own.
import os

import allspark

if os.environ.get('WORKER_NAME') == 'easworker':
    MODEL_DIR = '/home/admin/docker_ml/workspace/model'
else:
    MODEL_DIR = os.environ.get('MODEL_DIR', '/eas/workspace/model/')


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        with open(os.path.join(MODEL_DIR, 'labels.txt')) as f:
            self.labels = f.read().split()

    def process(self, data):
        return self.labels[int(data)].encode(), 200


if __name__ == '__main__':
    endpoint = os.environ.get('PAI_ENDPOINT', '0.0.0.0:8000')
    runner = MyProcessor(worker_threads=4, endpoint=endpoint)
    runner.run()
