"""
A Python processor that computes: a few milliseconds of pure Python for each request.
"""

import allspark

_STEPS = 100_000


class Spin(allspark.BaseProcessor):
    """
    Answers with what it was sent, after some work.
    """

    def initialize(self) -> None:
        """
        There is nothing to load.
        """

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Return *data*, later.
        """
        total = 0
        for step in range(_STEPS):
            total += step
        return data, 200


if __name__ == "__main__":
    Spin().run()
