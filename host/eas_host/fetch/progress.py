"""
Progress bars on standard error, if that is a terminal; elsewhere nothing is drawn.

A log line must not fall into a half-drawn bar. So whoever shows progress logs through the display, which removes the
bars for that moment.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from eas_host import log

if TYPE_CHECKING:
    from rich.progress import Progress

_drawing: Final = threading.Lock()
"""Held while bars are drawn: a terminal has space for one display."""

_POLL_INTERVAL: Final = 0.1  # seconds; the eye does not see more


class ProgressBar:
    """
    The bar of one task, or nothing if no bars are drawn.
    """

    def __init__(self, progress: Progress | None, title: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total) if progress else None

    def update(self, done: int, total: int | None) -> None:
        """
        Show *done* bytes of *total*, which is None if it is not known.
        """
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def remove(self) -> None:
        """
        Remove the bar from the display.
        """
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)


class ProgressDisplay:
    """
    All progress bars of this process.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()

    def add_bar(self, title: str, total: int | None = None) -> ProgressBar:
        """
        Add the bar of a task.
        """
        return ProgressBar(self._progress, title, total)

    def warn(self, text: str) -> None:
        """
        Log a warning without breaking a bar.
        """
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            log.warning("%s", text)
            if self._progress is not None:
                self._progress.start()

    @contextmanager
    def track(self, title: str, total: int, done: Callable[[], int]) -> Iterator[None]:
        """
        Show a bar while the block runs. *done* tells how many bytes are done.
        """
        if self._progress is None:
            yield
            return
        bar = self.add_bar(title, total)
        ended = threading.Event()

        def poll() -> None:
            while not ended.wait(_POLL_INTERVAL):
                bar.update(done(), total)

        poller = threading.Thread(target=poll, name="progress", daemon=True)
        poller.start()
        try:
            yield
        finally:
            ended.set()
            poller.join()
            bar.remove()


@contextmanager
def progress_display() -> Iterator[ProgressDisplay]:
    """
    Draw progress bars while the block runs, if standard error is a terminal and no other block draws bars.
    """
    if not (sys.stderr and sys.stderr.isatty()) or not _drawing.acquire(blocking=False):
        yield ProgressDisplay(None)
        return
    try:
        with _rich_progress() as progress:
            yield ProgressDisplay(progress)
    finally:
        _drawing.release()


def _rich_progress() -> Progress:
    from rich import progress as rich_progress  # noqa: PLC0415  takes 50 ms, and only a terminal needs it
    from rich.console import Console  # noqa: PLC0415  the same

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(binary_units=True),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    return rich_progress.Progress(*columns, console=Console(stderr=True), transient=True)
