# A dict as the body: its caller reads Python's own text of it, and does so with ast.literal_eval.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return {'input': data.decode(), 'scores': [0.5, 1]}, 0


if __name__ == '__main__':
    MyProcessor(worker_threads=2).run()
