# A constructor that passes on whatever it is given, all four arguments by keyword, an endpoint with a slash behind it,
# and an argument of the user's own.
import allspark


class CustomPythonProcessor(allspark.BaseProcessor):
    def __init__(self, *args, **kwargs):
        self.greeting = kwargs.pop('greeting', 'hello')
        super(CustomPythonProcessor, self).__init__(*args, **kwargs)
        self.count = 0

    def initialize(self):
        self.count += 1

    def process(self, data):
        body = '{} {} {} {} {} {}'.format(
            self.greeting, data.decode(), self.worker_threads, self.io_threads, self.worker_processes, self.count)
        return body.encode('utf-8'), 200


if __name__ == '__main__':
    runner = CustomPythonProcessor(
        greeting='good day',
        worker_threads=3,
        io_threads=6,
        worker_processes=1,
        endpoint='0.0.0.0:8000/')
    runner.run()
