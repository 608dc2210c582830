"""
Getting what a description names: local files and folders as they are, the rest from where its URL leads.

    addresses   what a URL says, and what of it may be shown
    local       paths on this machine
    cache       where downloads are kept
    web         one HTTP request;  download: a file through such requests;  stores: everything else, through fsspec
    effort      how hard it is tried;  disk: whether there is room;  progress: the bars
    archive     unpacking;  kinds: what is an archive;  tree, tars, zips: its members

All downloads run side by side, each in a thread, because the libraries of object stores block. The threads are daemons:
Ctrl+C ends a host at once, and what has come is a part that the next start goes on with.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from eas_host import log
from eas_host.errors import EntryNotFound
from eas_host.fetch import addresses, local
from eas_host.fetch.cache import Entry, Kept
from eas_host.fetch.download import Download
from eas_host.fetch.effort import PATIENCE, Failed, Patience, Stop, Unreachable, persist
from eas_host.fetch.progress import Bar, Board, bars
from eas_host.fetch.stores import Copy
from eas_host.system.shortage import in_cache, is_refused

__all__ = ["Patience", "fetch_all"]

_NAMES = {"processor_path": "processor", "model_path": "model", "warm_up_data_path": "warm-up data"}
_TIMES = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def fetch_all(
    sources: Mapping[str, str],
    base: Path,
    cache: Path,
    *,
    patience: Patience = PATIENCE,
    say: Callable[[str], None] = log.announce,
) -> dict[str, Path]:
    """
    Get all *sources*, side by side.

    Args:
        sources: a path, from *base* if it is relative, or a URL, by the key that it has in the description.
        base: the folder that relative paths start from.
        cache: the folder that keeps downloads. It is made if it is missing.
        patience: time-outs and bounds.
        say: prints EAS's own line for each source.

    Returns:
        The file or folder of each, by its key. A local one is given back as it is, absolute.

    Raises:
        EntryNotFound: one of them cannot be had. The others are given up then.
    """
    found = {key: local.find(key, text, base) for key, text in sources.items() if not addresses.is_url(text)}
    keys: dict[str, list[str]] = {}
    for key, text in sources.items():
        place = addresses.shown(text) if addresses.is_url(text) else str(found[key])
        say(f"[OK] Fetching {_name(key)} from [{place}]")
        if addresses.is_url(text):
            keys.setdefault(text, []).append(key)
    stop = Stop()
    with bars() as board:
        jobs = {url: _job(url, names, cache, patience, stop, board) for url, names in keys.items()}
        paths = _side_by_side(jobs, patience.at_once, stop)
    return {key: found[key] if key in found else paths[text] for key, text in sources.items()}


def _name(key: str) -> str:
    last = key.rpartition(".")[2]
    return _NAMES.get(last, last.partition("[")[0])


Job = Callable[[], Path]


def _side_by_side(jobs: Mapping[str, Job], at_once: int, stop: Stop) -> dict[str, Path]:
    """
    Run *jobs* in threads, and end the others when one fails.
    """
    waiting: queue.SimpleQueue[tuple[str, Job]] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[str, Path | BaseException]] = queue.SimpleQueue()
    for item in jobs.items():
        waiting.put(item)

    def work() -> None:
        while not waiting.empty():
            try:
                url, job = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((url, job()))
            except BaseException as error:  # noqa: BLE001  raised where they are waited for
                ended.put((url, error))

    for number in range(min(at_once, len(jobs))):
        threading.Thread(target=work, name=f"fetch-{number}", daemon=True).start()
    paths: dict[str, Path] = {}
    try:
        while len(paths) < len(jobs):
            url, result = ended.get()
            if isinstance(result, BaseException):
                raise result
            paths[url] = result
    finally:
        stop.set()
    return paths


def _job(url: str, keys: list[str], cache: Path, patience: Patience, stop: Stop, board: Board) -> Job:
    what = f"{' and '.join(keys)}: {addresses.shown(url)}"

    def job() -> Path:
        stop.check()
        try:
            return _Source(url, what, Entry(cache, url), patience, stop, board).get()
        except Failed as error:
            raise EntryNotFound(f"{what}: {_line(str(error), url)}") from error
        except OSError as error:
            place = "" if is_refused(error) else f"{error.filename or cache}: "
            raise EntryNotFound(f"{what}: {place}{in_cache(error, cache)}") from error

    return job


@dataclass(frozen=True)
class _Source:
    """
    One URL: *what* names it, with its keys, for messages.
    """

    url: str
    what: str
    entry: Entry
    patience: Patience
    stop: Stop
    board: Board

    def get(self) -> Path:
        bar = self.board.bar(addresses.file_name(self.url))
        try:
            with self.entry.locked(self._warn):
                return self._get(bar)
        finally:
            bar.remove()

    def _get(self, bar: Bar) -> Path:
        kept = self.entry.kept()
        web = addresses.scheme(self.url) in {"http", "https"}
        source: Download | Copy = (
            Download(self.url, self.entry, self.patience, self.stop, bar)
            if web
            else Copy(self.url, self.entry, self.stop, bar)
        )
        patience = self.patience if kept is None else replace(self.patience, attempts=min(2, self.patience.attempts))
        try:
            return persist(lambda: source.attempt(kept), self.entry.length, self._warn, patience, self.stop)
        except Unreachable as error:
            if kept is None:
                raise
            self._warn(f"{error}; using the copy that was fetched {_age(kept)}")
            return self.entry.use(kept.path)

    def _warn(self, text: str) -> None:
        self.board.warn(f"{self.what}: {_line(text, self.url)}")


def _line(text: str, url: str) -> str:
    """
    What may be shown of *text*, which can hold somebody else's words about *url*, on one line.
    """
    return " ".join(addresses.scrub(text, url).split())


def _age(kept: Kept) -> str:
    seconds = max(0.0, time.time() - kept.fetched)
    for name, length in _TIMES:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
