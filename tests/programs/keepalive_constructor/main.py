# A property that is put in the constructor, behind super().__init__, as bytes.
import allspark


class Processor(allspark.BaseProcessor):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        allspark.default_properties().put(b'rpc.keepalive', b'60000')

    def initialize(self):
        pass

    def process(self, data):
        return allspark.default_properties().get('rpc.keepalive'), 200


if __name__ == '__main__':
    Processor(worker_threads=2).run()
