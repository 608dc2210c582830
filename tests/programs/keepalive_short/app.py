# A limit that is put before there is a runner, and a request that does not keep it until another one comes to its help.
import threading

import allspark

helped = threading.Event()


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        pass

    def wait_for_help(self):
        helped.wait()

    def process(self, data):
        if data == b'help':
            helped.set()
        else:
            self.wait_for_help()
        return data, 200


if __name__ == '__main__':
    allspark.default_properties().put('rpc.keepalive', '321')
    MyProcessor(worker_threads=2).run()
