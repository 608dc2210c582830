import sys

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self) -> None:
        sys.exit(0)

    def process(self, data: bytes) -> tuple[bytes, int]:
        return data, 200
