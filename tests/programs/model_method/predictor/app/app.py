# The model's path from get_model_path(), in all the forms in which one would use it.
import os

import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        path = self.get_model_path()
        with open(os.path.join(path.decode(), 'labels.txt')) as f:
            self.labels = f.read().split()
        with open(os.path.join(path, b'labels.txt'), 'rb') as f:
            assert f.read().decode().split() == self.labels
        with open(f'{path}/labels.txt') as f:
            assert f.read().split() == self.labels
        assert os.path.isdir(path)

    def process(self, data):
        return self.labels[int(data)].encode(), 200


if __name__ == '__main__':
    runner = MyProcessor(worker_threads=4)
    runner.run()
