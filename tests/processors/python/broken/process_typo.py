import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def proccess(self, data):
        return data, 200
