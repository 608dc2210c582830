# Everything caught, and a code of the user's own in a JSON answer that is always 200.
import json
import traceback

import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        self.model = {'a': 1}

    def process(self, data):
        try:
            request = json.loads(data)
            return json.dumps({'code': 200, 'result': self.model[request['key']]}).encode(), 200
        except Exception as e:
            traceback.print_exc()
            return json.dumps({'code': 500, 'error': repr(e)}).encode(), 200


if __name__ == '__main__':
    MyProcessor(worker_threads=2).run()
