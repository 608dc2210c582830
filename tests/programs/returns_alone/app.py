# The mistake that everybody makes first: a body without a code.
import allspark


class MyProcessor(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return data


if __name__ == '__main__':
    MyProcessor().run()
