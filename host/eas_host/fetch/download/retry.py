"""
Tries a download again after a failure that may pass, each time after a longer pause.

Only failures in a row count: a file that grows with every attempt is worth continuing, however often its connection
breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eas_host.fetch.download.cancel_token import CancelToken
from eas_host.fetch.download_errors import DownloadError, ServerUnreachable, TransientError
from eas_host.fetch.policy import FetchPolicy


def retry(
    attempt: Callable[[], Path],
    received: Callable[[], int],
    warn: Callable[[str], None],
    policy: FetchPolicy,
    cancel: CancelToken,
) -> Path:
    """
    Call *attempt* until it succeeds. *received* tells how many bytes of the file there are.

    Raises:
        DownloadError: trying again does not help.
        ServerUnreachable: no attempt got a response.
    """
    furthest, failures, reached = received(), 0, False
    while True:
        cancel.check()
        try:
            return attempt()
        except TransientError as error:
            cancel.check()
            failures = 1 if received() > furthest else failures + 1
            furthest = max(furthest, received())
            reached = reached or error.reached
            if failures >= policy.max_attempts:
                failure = DownloadError if reached else ServerUnreachable
                raise failure(f"{error}; given up after {failures} attempts") from error
            pause = policy.first_pause * 2 ** (failures - 1)
            if error.wait is not None:
                pause = max(pause, error.wait)
                if error.wait > policy.max_retry_after:
                    raise DownloadError(f"{error}; the server asks to wait {error.wait:.0f} s") from error
            warn(f"{error}; trying again in {pause:.1f} s")
            cancel.wait(pause)
