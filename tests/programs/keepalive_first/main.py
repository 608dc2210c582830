# A property that is put before there is a runner, as text, and logged.
import logging

import allspark

logging.basicConfig(level=logging.INFO)


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        logging.info(allspark.default_properties())

    def process(self, data):
        return data[::-1], 200


if __name__ == '__main__':
    # the default is 5 s, this model needs 100
    allspark.default_properties().put('rpc.keepalive', '100000')
    logging.info(allspark.default_properties())
    runner = MyProcessor(worker_threads=2)
    runner.run()
