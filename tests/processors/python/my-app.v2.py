"""The name is no identifier, and nothing says that it must be."""

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self) -> None:
        pass

    def process(self, data: bytes) -> tuple[bytes, int]:
        return b"served", 200
