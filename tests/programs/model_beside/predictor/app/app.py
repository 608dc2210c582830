# The model where EAS puts it, seen from the folder that EAS starts the program in; and what somebody printed to find it.
import os

import allspark

MODEL_PATH = '../../model'


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        print(os.listdir('../..'))
        with open(os.path.join(MODEL_PATH, 'labels.txt')) as f:
            self.labels = f.read().split()

    def process(self, data):
        return self.labels[int(data)].encode(), 200


if __name__ == '__main__':
    runner = MyProcessor(worker_threads=4, endpoint='0.0.0.0:8001')
    runner.run()
