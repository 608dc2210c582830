"""
Time-outs and bounds of downloads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class FetchPolicy:
    """
    How long a download waits, and how often it is tried. Times are in seconds.

    Attributes:
        connect_timeout: for a connection, TLS included.
        read_timeout: between two chunks of a response. A slow response that keeps moving may take any time.
        close_timeout: after the last byte that was announced, until the server closes the connection.
        max_attempts: how many failures in a row end the download.
        first_pause: before the second attempt. The pause doubles with each attempt.
        max_retry_after: the longest wait that a server may ask for (`Retry-After`).
        max_redirects: for one request. Browsers follow 20.
        max_parallel: how many downloads run side by side.
    """

    connect_timeout: float = 15
    read_timeout: float = 30
    close_timeout: float = 2
    max_attempts: int = 5
    first_pause: float = 0.5
    max_retry_after: float = 60
    max_redirects: int = 10
    max_parallel: int = 4


DEFAULT_POLICY: Final = FetchPolicy()
