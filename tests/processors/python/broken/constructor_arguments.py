import allspark


class Mine(allspark.BaseProcessor):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def initialize(self):
        pass

    def process(self, data):
        return data, 200
