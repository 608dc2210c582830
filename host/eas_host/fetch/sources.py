"""
Gets all files of a description: finds the local ones and downloads the others.

All downloads run side by side, each in a thread, because the libraries of object stores block. The threads are daemons,
so Ctrl+C ends a host at once. The bytes that were received stay in the cache as a partial download, which the next
start continues.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.errors import EntryNotFound
from eas_host.fetch import local_paths, urls
from eas_host.fetch.cache.entry import CachedVersion, CacheEntry
from eas_host.fetch.download.cancel_token import CancelToken
from eas_host.fetch.download.http_download import HttpDownload
from eas_host.fetch.download.object_store import StoreDownload
from eas_host.fetch.download.retry import retry
from eas_host.fetch.download_errors import DownloadError, ServerUnreachable
from eas_host.fetch.policy import DEFAULT_POLICY, FetchPolicy
from eas_host.fetch.progress import ProgressBar, ProgressDisplay, progress_display
from eas_host.system.disk_errors import describe_cache_error, is_write_refused

_said: Final[set[str]] = set()
"""The lines that this process has printed."""
_KEY_NAMES: Final = {"processor_path": "processor", "model_path": "model", "warm_up_data_path": "warm-up data"}
_UNITS_OF_TIME: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))

_Job = Callable[[], Path]
"""One download. It returns the path of the file or folder in the cache."""


def fetch_all(
    sources: Mapping[str, str],
    base: Path,
    cache: Path,
    *,
    policy: FetchPolicy = DEFAULT_POLICY,
    say: Callable[[str], None] = log.announce,
) -> dict[str, Path]:
    """
    Get all *sources*, side by side.

    Args:
        sources: a path or a URL, by its key in the description.
        base: the folder that relative paths start from.
        cache: the folder that keeps downloads. It is made if it is missing.
        policy: time-outs and bounds.
        say: prints EAS's own line for each source.

    Returns:
        The absolute path of each file or folder, by its key. Local ones stay where they are.

    Raises:
        EntryNotFound: one of the sources is missing or cannot be downloaded. The other downloads are cancelled.
    """
    found = {key: local_paths.find(key, text, base) for key, text in sources.items() if not urls.is_url(text)}
    keys: dict[str, list[str]] = {}
    for key, text in sources.items():
        place = urls.without_credentials(text) if urls.is_url(text) else str(found[key])
        line = f"[OK] Fetching {_key_name(key)} from [{place}]"
        if urls.is_url(text) or line not in _said:  # once for what lies here, where --reload fetches nothing
            _said.add(line)
            say(line)
        if urls.is_url(text):
            keys.setdefault(text, []).append(key)
    cancel = CancelToken()
    with progress_display() as display:
        jobs = {url: _job(url, names, cache, policy, cancel, display) for url, names in keys.items()}
        paths = _run_in_threads(jobs, policy.max_parallel, cancel)
    return {key: found[key] if key in found else paths[text] for key, text in sources.items()}


def _key_name(key: str) -> str:
    last = key.rpartition(".")[2]
    return _KEY_NAMES.get(last, last.partition("[")[0])


def _run_in_threads(jobs: Mapping[str, _Job], threads: int, cancel: CancelToken) -> dict[str, Path]:
    """
    Run *jobs* in so many *threads*, and cancel the others when one fails.
    """
    waiting: queue.SimpleQueue[tuple[str, _Job]] = queue.SimpleQueue()
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
            except BaseException as error:  # noqa: BLE001  raised in the thread that waits for the results
                ended.put((url, error))

    for number in range(min(threads, len(jobs))):
        threading.Thread(target=work, name=f"fetch-{number}", daemon=True).start()
    paths: dict[str, Path] = {}
    try:
        while len(paths) < len(jobs):
            url, result = ended.get()
            if isinstance(result, BaseException):
                raise result
            paths[url] = result
    finally:
        cancel.cancel()
    return paths


def _job(
    url: str, keys: list[str], cache: Path, policy: FetchPolicy, cancel: CancelToken, display: ProgressDisplay
) -> _Job:
    what = f"{' and '.join(keys)}: {urls.without_credentials(url)}"

    def job() -> Path:
        cancel.check()
        try:
            return _UrlFetch(url, what, CacheEntry(cache, url), policy, cancel, display).get()
        except DownloadError as error:
            raise EntryNotFound(f"{what}: {_one_line(str(error), url)}") from error
        except OSError as error:
            place = "" if is_write_refused(error) else f"{error.filename or cache}: "
            raise EntryNotFound(f"{what}: {place}{describe_cache_error(error, cache)}") from error

    return job


@dataclass(frozen=True)
class _UrlFetch:
    """
    The download of one URL, with all attempts. *what* names its keys and the URL in messages.
    """

    url: str
    what: str
    entry: CacheEntry
    policy: FetchPolicy
    cancel: CancelToken
    display: ProgressDisplay

    def get(self) -> Path:
        bar = self.display.add_bar(urls.file_name(self.url))
        try:
            with self.entry.locked(self._warn):
                return self._get(bar)
        finally:
            bar.remove()

    def _get(self, bar: ProgressBar) -> Path:
        cached = self.entry.cached_version()
        web = urls.scheme(self.url) in {"http", "https"}
        source: HttpDownload | StoreDownload = (
            HttpDownload(self.url, self.entry, self.policy, self.cancel, bar)
            if web
            else StoreDownload(self.url, self.entry, self.cancel, bar)
        )
        policy = self.policy if cached is None else replace(self.policy, max_attempts=min(2, self.policy.max_attempts))
        try:
            return retry(lambda: source.attempt(cached), self.entry.partial_size, self._warn, policy, self.cancel)
        except ServerUnreachable as error:
            if cached is None:
                raise
            self._warn(f"{error}; using the copy that was fetched {_age(cached)}")
            return self.entry.keep(cached.path)

    def _warn(self, text: str) -> None:
        self.display.warn(f"{self.what}: {_one_line(text, self.url)}")


def _one_line(text: str, url: str) -> str:
    """
    Write *text*, which can be the message of another program about *url*, on one line and without credentials.
    """
    return " ".join(urls.redact(text, url).split())


def _age(cached: CachedVersion) -> str:
    seconds = max(0.0, time.time() - cached.fetched)
    for name, length in _UNITS_OF_TIME:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
