# A buffer that was built piece by piece as the body.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        body = bytearray(b'\x00\xff')
        body += data
        if data == b'view':
            return memoryview(body), 0
        return body, 0


if __name__ == '__main__':
    MyProcessor(worker_threads=2).run()
