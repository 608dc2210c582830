import allspark


class Mine(allspark.BaseProcessor):
    def initialise(self):
        self.model = 1

    def process(self, data):
        return data, 200
