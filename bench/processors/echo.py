"""
The least that a Python processor can do: the same bytes back.
"""

import allspark


class Echo(allspark.BaseProcessor):
    """
    Answers with what it was sent.
    """

    def initialize(self) -> None:
        """
        There is nothing to load.
        """

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Return *data*.
        """
        return data, 200


if __name__ == "__main__":
    Echo().run()
