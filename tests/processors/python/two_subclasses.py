import allspark


class First(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return b"first", 200


class Second(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return b"second", 200
