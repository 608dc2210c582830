"""
How large a chunked body is going to be, as far as that has been announced.

The parser tells where chunks begin and end, but not their sizes, and a second parser could disagree with it. So the
size is read only where the parser has just accepted it: when it has consumed some bytes and is inside a chunk, the last
of those bytes are what has come of that chunk, and the line before them has its size.
"""

from __future__ import annotations

from typing import Final

_NONE: Final = -1


class Chunks:
    """
    Follows the chunked bodies of one connection.
    """

    def __init__(self) -> None:
        self._start = _NONE  # bytes of the body before the chunk under way
        self._size_unread = False  # its size was not read yet
        self._line = b""  # what has come of a line with a size

    def begin(self, received: int) -> None:
        """
        The line with a chunk's size is complete; *received* bytes of the body came before.
        """
        self._start = received
        self._size_unread = True

    def end(self) -> None:
        """
        The chunk is complete. The line of the next one, if there is one, begins in the same piece of data.
        """
        self._start = _NONE
        self._line = b""

    def announced(self, data: bytes, received: int) -> int:
        """
        Return the size of the body, of which *received* bytes are here, with the rest of the chunk under way. The
        parser has just consumed *data*. To be called for each piece of data that ends within a body.
        """
        text = self._line + data
        self._line = b""
        if self._start == _NONE:
            self._line = text.rpartition(b"\n")[2]
        elif self._size_unread:
            self._size_unread = False
            before = text[: len(text) - (received - self._start)]
            if before.endswith(b"\r\n"):  # else the chunk is complete but for the end of its own line
                size = before[:-2].rpartition(b"\n")[2].partition(b";")[0]
                return self._start + int(size, 16)
        return received
