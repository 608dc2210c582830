"""
How a client reads an answer in parts.
"""

from __future__ import annotations

from support.wire import Client


class Parts:
    """An answer that is read chunk by chunk, from its client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.head = client.read_head()

    def next(self) -> bytes:
        """Reads the next chunk; b"" is the last one."""
        return self._client.read_chunk()

    def is_cut(self) -> bool:
        """Whether the connection ends here, without the last chunk."""
        return not self._client.read_to_end().endswith(b"0\r\n\r\n")
