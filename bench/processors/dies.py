"""
A Python processor that ends its process in the way that the request names.
"""

import ctypes
import os

import allspark


class Dies(allspark.BaseProcessor):
    """
    Answers with what it was sent, unless that names an end.
    """

    def initialize(self) -> None:
        """
        There is nothing to load.
        """

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Return *data*, or end.
        """
        if data == b"SIGSEGV":
            ctypes.string_at(16)
        if data == b"abort":
            os.abort()
        if data == b"os._exit":
            os._exit(3)
        return data, 200


if __name__ == "__main__":
    Dies().run()
