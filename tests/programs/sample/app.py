#!/usr/bin/env python
# -*- coding: utf-8 -*-
# The sample of EAS's documents, in its shape, with its typo mended and with the line that starts it.
import allspark


class MyProcessor(allspark.BaseProcessor):
    """ try it with
        curl -v http://127.0.0.1:8080/api/predict/service_name -d '2 105'
    """
    def initialize(self):
        """ load the model, once, when the service starts """
        self.module = {'w0': 100, 'w1': 2}

    def pre_process(self, data):
        """ what comes in is bytes """
        x, y = data.split(b' ')
        return int(x), int(y)

    def post_process(self, data):
        """ what goes out is bytes """
        return bytes(data, encoding='utf8')

    def process(self, data):
        """ one request """
        x, y = self.pre_process(data)
        w0 = self.module['w0']
        w1 = self.module['w1']
        y1 = w1 * x + w0
        if y1 >= y:
            return self.post_process("True"), 200
        else:
            return self.post_process("False"), 400


if __name__ == '__main__':
    # worker_threads is how many requests are processed at once
    runner = MyProcessor(worker_threads=10)
    runner.run()
