# A number as the body.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        self.w = 0.25

    def process(self, data):
        y = self.w * float(data)
        return float(y), 0


if __name__ == '__main__':
    MyProcessor(worker_threads=2).run()
