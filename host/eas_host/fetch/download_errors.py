"""
How a download can fail.
"""

from __future__ import annotations


class DownloadError(Exception):
    """
    The download failed, and trying again would not help.
    """


class ServerUnreachable(DownloadError):
    """
    Every attempt failed before there was any response.
    """


class TransientError(Exception):
    """
    One attempt failed for a reason that may pass.

    Attributes:
        reached: whether there was any response.
        wait: how many seconds the server asks to wait.
    """

    def __init__(self, reason: str, *, reached: bool = True, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reached = reached
        self.wait = wait
