"""
Progress bars, for whoever looks: on a terminal each task has one, elsewhere nothing is drawn.

They are drawn on standard error. What is logged meanwhile must not fall into a half-drawn bar, so it goes through the
board, which takes the bars away for that moment.
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
"""Held while there are bars: a terminal has room for one board."""

_LOOK_EVERY: Final = 0.1  # seconds; the eye does not see more


class Bar:
    """
    One task's bar, or none.
    """

    def __init__(self, progress: Progress | None, title: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total) if progress else None

    def show(self, done: int, total: int | None) -> None:
        """
        Say how far it is: *done* bytes of *total*, if that is known.
        """
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def remove(self) -> None:
        """
        Take the bar away.
        """
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)


class Board:
    """
    All bars.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()

    def bar(self, title: str, total: int | None = None) -> Bar:
        """
        Add a bar.
        """
        return Bar(self._progress, title, total)

    def warn(self, text: str) -> None:
        """
        Log a warning.
        """
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            log.warning("%s", text)
            if self._progress is not None:
                self._progress.start()

    @contextmanager
    def follow(self, title: str, total: int, done: Callable[[], int]) -> Iterator[None]:
        """
        Show a bar for as long as the block runs, and ask *done* how far it is.
        """
        if self._progress is None:
            yield
            return
        bar = self.bar(title, total)
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(_LOOK_EVERY):
                bar.show(done(), total)

        watcher = threading.Thread(target=look, name="progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            bar.remove()


@contextmanager
def bars() -> Iterator[Board]:
    """
    Draw bars for as long as the block runs, if standard error is a terminal.
    """
    if not (sys.stderr and sys.stderr.isatty()) or not _drawing.acquire(blocking=False):
        yield Board(None)
        return
    try:
        with _progress() as progress:
            yield Board(progress)
    finally:
        _drawing.release()


def _progress() -> Progress:
    from rich import progress as rich_progress  # noqa: PLC0415  50 ms, for a terminal only
    from rich.console import Console  # noqa: PLC0415  the same

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(binary_units=True),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    return rich_progress.Progress(*columns, console=Console(stderr=True), transient=True)
