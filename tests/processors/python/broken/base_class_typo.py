import allspark


class Mine(allspark.BaseProcesor):
    def process(self, data):
        return data, 200
