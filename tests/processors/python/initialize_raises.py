import allspark


def user_code_that_throws():
    raise RuntimeError("the model file is torn")


class Mine(allspark.BaseProcessor):
    def initialize(self):
        user_code_that_throws()

    def process(self, data):
        return data, 200
