# Codes of the user's own choice: some are HTTP's, some are not.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return b'as asked', int(data)


if __name__ == '__main__':
    MyProcessor(worker_threads=2).run()
