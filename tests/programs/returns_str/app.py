# Text as the body, with either code.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        text = data.decode('utf-8')
        if not text:
            return 'пустой запрос', 400
        return '你好 ' + text, 200


if __name__ == '__main__':
    MyProcessor(worker_threads=2).run()
