import allspark


class First(allspark.BaseProcessor):
    def initialize(self) -> None:
        pass

    def process(self, data: bytes) -> tuple[bytes, int]:
        return b"first", 200


class Second(allspark.BaseProcessor):
    def initialize(self) -> None:
        pass

    def process(self, data: bytes) -> tuple[bytes, int]:
        return b"second", 200
