import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass
