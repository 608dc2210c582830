import allspark


class Mine(allspark.BaseProcessor):
    def process(self, data):
        result = data
      return result, 200
