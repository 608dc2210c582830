import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    async def process(self, data):
        return data, 200
