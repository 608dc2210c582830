import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self, path):
        self.path = path

    def process(self, data):
        return data, 200


if __name__ == "__main__":
    Mine().run()
