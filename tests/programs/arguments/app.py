# Flags on the program itself, which nobody can give it through EAS: there the defaults count.
import argparse

import allspark


class MyProcessor(allspark.BaseProcessor):
    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def initialize(self):
        pass

    def process(self, data):
        return b'%d' % (int(data) * self.scale), 200


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--scale', type=int, default=10)
    parser.add_argument('--port', type=int, default=8000)
    parser.add_argument('--debug', action='store_true')
    args = parser.parse_args()
    runner = MyProcessor(args.scale, worker_threads=1 if args.debug else 5, endpoint='0.0.0.0:%d' % args.port)
    runner.run()
