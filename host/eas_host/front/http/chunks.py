"""
How large a chunked body is going to be, as far as that has been announced.

The parser tells where chunks begin and end, but not their sizes, and a second parser could disagree with it. So the
size is read only where the parser has just accepted it: when it has consumed some bytes and is inside a chunk, what it
has told of that chunk are the last of those bytes, and the line in front of them has the size.
"""

from __future__ import annotations

from typing import Final

_NONE: Final = -1


class Chunks:
    """
    Follows the chunked bodies of one connection.
    """

    def __init__(self) -> None:
        self._start = _NONE  # bytes of the body in front of the chunk under way
        self._unread = False  # its size was not read yet
        self._line = b""  # of a line with a size, what has come

    def begin(self, received: int) -> None:
        """
        The line with a chunk's size is complete; *received* bytes of the body came before.
        """
        self._start = received
        self._unread = True

    def end(self) -> None:
        """
        The chunk is complete. The line of the next one, if there is one, begins in the same piece of data.
        """
        self._start = _NONE
        self._line = b""

    def announced(self, data: bytes, received: int) -> int:
        """
        The parser has consumed *data*: how large is the body, of which *received* bytes are here, with the rest of the
        chunk under way? To be asked for each piece of data that ends within a body.
        """
        text = self._line + data
        self._line = b""
        if self._start == _NONE:
            self._line = text.rpartition(b"\n")[2]
        elif self._unread:
            self._unread = False
            before = text[: len(text) - (received - self._start)]
            if before.endswith(b"\r\n"):  # else the chunk is complete but for the end of its own line
                size = before[:-2].rpartition(b"\n")[2].partition(b";")[0]
                return self._start + int(size, 16)
        return received
