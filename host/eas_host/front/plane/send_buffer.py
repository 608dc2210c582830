"""
What a socket has not taken yet, in the order in which it was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MAX_PIECES: Final = 64
"""Pieces that one system call sends."""


class SendBuffer:
    """
    Pieces of data that are to be sent.

    Attributes:
        size: their bytes; 0 if there are none.
    """

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        # A list: an empty deque takes 760 bytes, and nearly all connections have nothing unsent.
        self._pieces: list[memoryview] = []
        self.size = 0

    def first(self) -> list[memoryview]:
        """
        Return the pieces that the next system call may send.
        """
        return self._pieces[:_MAX_PIECES]

    def keep(self, pieces: Iterable[bytes | bytearray | memoryview], sent: int) -> None:
        """
        Add *pieces*, of which *sent* bytes are sent.
        """
        views = [memoryview(piece) for piece in pieces if piece]
        self._pieces.extend(views)
        self.size += sum(map(len, views))
        self.drop(sent)

    def drop(self, sent: int) -> None:
        """
        Drop *sent* bytes from the beginning.
        """
        self.size -= sent
        pieces = self._pieces
        whole = 0
        while sent:
            first = pieces[whole]
            if len(first) > sent:
                pieces[whole] = first[sent:]
                break
            sent -= len(first)
            whole += 1
        del pieces[:whole]

    def clear(self) -> None:
        """
        Drop all.
        """
        self._pieces.clear()
        self.size = 0
