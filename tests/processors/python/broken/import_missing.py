import allspark

import torhc


class Mine(allspark.BaseProcessor):
    def process(self, data):
        return data, 200
