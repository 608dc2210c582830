import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self) -> None:
        pass
