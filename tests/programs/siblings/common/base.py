import json
import time

import allspark


class TimedProcessor(allspark.BaseProcessor):
    """ What all services of this team share: errors are a code of their own in a JSON answer with status 200 """

    def process(self, data):
        started = time.time()
        try:
            result = {'code': 0, 'data': self.predict(data)}
        except Exception as e:
            result = {'code': -1, 'message': str(e)}
        result['slow'] = time.time() - started > 3600
        return json.dumps(result, ensure_ascii=False).encode('utf-8'), 200
