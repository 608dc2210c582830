import allspark


def user_code_that_throws() -> None:
    raise RuntimeError("the model file is torn")


class Mine(allspark.BaseProcessor):
    def initialize(self) -> None:
        user_code_that_throws()

    def process(self, data: bytes) -> tuple[bytes, int]:
        return data, 200
