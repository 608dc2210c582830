# -*- coding: utf-8 -*-
# The older template: the misspelt name is defined and called, and the code is 0 whatever the answer says.
import allspark


class MyProcessor(allspark.BaseProcessor):
    """ a linear model """
    def initialize(self):
        self.module = {'w0': 100, 'w1': 2}

    def pre_proccess(self, data):
        x, y = data.split(b' ')
        return int(x), int(y)

    def post_process(self, data):
        return str(data).encode()

    def process(self, data):
        x, y = self.pre_proccess(data)
        y1 = self.module['w1'] * x + self.module['w0']
        if y1 >= y:
            return self.post_process("True"), 0
        else:
            return self.post_process("False"), 0


if __name__ == '__main__':
    runner = MyProcessor(worker_threads=10)
    runner.run()
