import allspark

threshhold = 0.5


class Mine(allspark.BaseProcessor):
    def initialize(self):
        self.limit = threshold

    def process(self, data):
        return data, 200
