import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data, encoding):
        return data, 200
