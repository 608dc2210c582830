"""
File events: thousands of folders appear at once, and watchers are closed more than once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

from eas_host.service.file_events import FileEvents, WatchedFolders
from eas_host.service.file_watcher import FileWatcher
from support import TIMEOUT

MANY = 300


def test_many_new_folders_are_walked_by_one_thread(tmp_path: Path) -> None:
    """The thread goes through one after the other; a change in the last of them is reported."""
    told = 0
    inside = most = 0
    walked: list[Path] = []
    all_told = threading.Event()
    lock = threading.Lock()

    def wanted(path: str) -> bool:
        nonlocal told
        told += path.startswith(str(tmp_path / "folder"))
        if told >= MANY:
            all_told.set()
        return True

    def below(folder: Path) -> Iterable[Path]:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        assert all_told.wait(TIMEOUT)
        with lock:
            inside -= 1
            walked.append(folder)
        return [folder]

    async def run() -> None:
        changed = asyncio.Event()
        events = FileEvents(asyncio.get_running_loop(), changed.set, [WatchedFolders([tmp_path], wanted, below)])

        async def next_change() -> None:
            await asyncio.wait_for(changed.wait(), TIMEOUT)
            changed.clear()

        await next_change()  # it listens
        for number in range(MANY):
            (tmp_path / f"folder{number}").mkdir()
        while len(walked) < MANY:
            await next_change()
        assert most == 1
        while changed.is_set() or events._walking:
            changed.clear()
            await asyncio.sleep(0)
        (tmp_path / f"folder{MANY - 1}" / "file").touch()
        await next_change()
        events.close()
        events.close()

    asyncio.run(run())


def test_file_watcher_may_be_closed_twice_and_watch_again(tmp_path: Path) -> None:
    """The second time there is nothing to do."""

    async def run() -> None:
        told = asyncio.Event()
        watcher = FileWatcher(asyncio.get_running_loop(), told.set)
        for _ in range(2):
            watcher.watch([tmp_path])
            await asyncio.wait_for(told.wait(), TIMEOUT)
            told.clear()
            watcher.close()
            watcher.close()

    asyncio.run(run())
