import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def post_process(self, scores):
        return scores

    def process(self, data):
        return self.post_process(data, 0.5), 200
