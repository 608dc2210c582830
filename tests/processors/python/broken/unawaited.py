import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return self.answer(data)

    async def answer(self, data):
        return data, 200
