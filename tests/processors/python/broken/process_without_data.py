import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self):
        return b"ok", 200
