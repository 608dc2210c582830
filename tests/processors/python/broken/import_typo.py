from allspark import BaseProcesor


class Mine(BaseProcesor):
    def process(self, data):
        return data, 200
