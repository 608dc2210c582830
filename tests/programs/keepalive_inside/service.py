# A property that is put when the service is there already, as a number.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        # default is 5 s; set 500 s
        allspark.default_properties().put('rpc.keepalive', 500000)

    def process(self, data):
        return allspark.default_properties().get('rpc.keepalive', 0) // 1000, 200


if __name__ == '__main__':
    runner = MyProcessor()
    runner.run()
