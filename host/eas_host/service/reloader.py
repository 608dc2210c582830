"""
`--reload`: a new version of the service takes over when its files change.

Strategy: the system reports that something may have changed (`file_watcher`). A fingerprint of all watched files tells
whether it has, and whether files are still changing. The new version is prepared and loaded beside the one that serves.
Files that are not what is served do not count (`served_files`).
It takes over only if the files are still as they were when it began to load, so it never mixes two states of the files;
the old version then finishes its requests. If a version does not load, the old one goes on serving, and the files of
both are watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.config import HostConfig
from eas_host.deploy.deployment import STARTED, Deployment, Prepare
from eas_host.deploy.workspace.staging import is_code
from eas_host.errors import HostError, LoadError, SystemShortage
from eas_host.front.front import Front
from eas_host.service.file_watcher import POLL_INTERVAL, FileWatcher, Fingerprint, fingerprint, unchanged_since
from eas_host.service.self_written_files import SelfWrittenFiles, abbreviate, changed_paths
from eas_host.service.served_files import ServedFiles
from eas_host.service.service_version import ServiceVersion
from eas_host.system.daemon_threads import run_in_daemon_thread

SETTLE_SECONDS: Final = 0.1
"""How long files must be unchanged to count as complete: longer than an editor takes from one file to the next."""
_CHECK_SECONDS: Final = 2.0
"""How often files are checked while a version loads. If they have changed, it would not be used and is ended."""
_POLL_DIVISOR: Final = 20
"""Fingerprints take at most one part in so many of the time; that of 100,000 files takes a second."""
_SHORTAGE_SECONDS: Final = 2.0
"""How long to wait before a version is tried again that the system had no room for: no file changes in this case."""
_CANCEL_SECONDS: Final = 1.0
_MISSING_SECONDS: Final = 1.0
"""How long code that is gone may take to come again."""
_RESTLESS: Final = 10
"""After so many changes without a pause it is asked whether these are of what is served."""
_START_OPTIONS: Final = ("listen", "isolation", "max_body", "log_level", "log_format", "reload")
"""Options that cannot change while the host runs."""


class Reloader:
    """
    Replaces the version that *front* serves with those that *prepare* makes.

    Args:
        front: the front.
        serving: the version that serves now.
        prepare: makes the next one; it is called in a thread.
        on_fatal: called when a version that serves cannot be loaded any more.

    Attributes:
        serving: the version that serves.
    """

    def __init__(
        self, front: Front, serving: ServiceVersion, prepare: Prepare, on_fatal: Callable[[LoadError], None]
    ) -> None:
        self.serving = serving
        self._front = front
        self._loop = front.state.loop
        self._prepare = prepare
        self._on_fatal = on_fatal
        self._changed = asyncio.Event()
        self._loading: ServiceVersion | None = None
        self._draining: dict[asyncio.Task[None], ServiceVersion] = {}
        self._watcher = FileWatcher(self._loop, self._changed.set)
        self._watched = serving.deployment.watched
        self._seen = unchanged_since(STARTED, fingerprint(self._watched))  # before it loads
        self._self_written = SelfWrittenFiles()
        self._served = ServedFiles()
        self._failed = False  # the last version that was tried could not be loaded
        self._tried: list[str] = []  # why it was tried
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    @property
    def versions(self) -> list[ServiceVersion]:
        """
        All versions: the one that serves, the one that loads, and those that finish their requests.
        """
        loading = [self._loading] if self._loading is not None else []
        return [self.serving, *loading, *self._draining.values()]

    def start(self) -> None:
        """
        Watch the files from here on.
        """
        self._watcher.watch(self._watched)
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(_log_internal_error)

    async def stop(self) -> None:
        """
        Stop the reloading: no other version takes over any more.
        """
        self._stopped = True
        self._watcher.close()
        tasks = {*self._draining, *([self._task] if self._task is not None else [])}
        while tasks:
            # More than once: before Python 3.12 `wait_for` swallows a cancellation that comes together with its event.
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    async def _run(self) -> None:
        seen = self._seen
        now = await self._wait_until_settled()
        self._self_written.record_load(await self._served.among(changed_paths(seen, now), self.serving))
        while True:
            changed = await self._select(changed_paths(seen, now))
            if _lacks_code(now, changed) and (later := await self._wait_for_code(now, changed)) != now:
                now = later
            elif changed:
                seen = await self._replace(now, changed if seen else self._tried)
                now = await self._wait_until_settled()
            else:
                seen = now
                await self._changed.wait()
                now = await self._wait_until_settled()

    async def _wait_for_code(self, now: Fingerprint, changed: list[str]) -> Fingerprint:
        """
        Wait, for a while, for the code among the *changed* files that is gone: a linker removes a library before it
        writes the new one. Returns the files then, which are *now* if it has not come.
        """
        end = time.monotonic() + _MISSING_SECONDS
        later = now
        while _lacks_code(later, changed) and (left := end - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
            later = await self._wait_until_settled()
        return later

    async def _select(self, changed: list[str]) -> list[str]:
        """
        Return those of the *changed* files for which another version is loaded: what is served or, if the last version
        was not loaded, any, since it may be what that one lacked.
        """
        return changed if self._failed else await self._served.among(changed, self.serving)

    async def _wait_until_settled(self) -> Fingerprint:
        """
        Wait until the files do not change any more, and return what they are.
        """
        before: Fingerprint | None = None
        restless, since = 0, 0.0
        while True:
            self._changed.clear()
            now = await self._take_fingerprint(self._watched)
            if before is None:
                since = time.monotonic()
            elif changed := self._unsettled(before, now):
                self._self_written.reset()
                restless += 1
                if restless % _RESTLESS == 0:  # is it a log?
                    await self._select(changed)
                since = time.monotonic()
            before = now
            try:
                left = since + SETTLE_SECONDS * self._self_written.settle_factor - time.monotonic()
                await asyncio.wait_for(self._changed.wait(), max(left, 0.0))
            except asyncio.TimeoutError:
                return now

    def _unsettled(self, before: Fingerprint, now: Fingerprint) -> list[str]:
        """
        Return what has changed, but for files that are known not to count: a program may write these for ever.
        """
        return [name for name in changed_paths(before, now) if self._failed or not self._served.is_other(name)]

    async def _take_fingerprint(self, watched: tuple[Path, ...]) -> Fingerprint:
        """
        Take the fingerprint of the files *watched*, without those that versions write themselves.
        """
        began = time.monotonic()
        found = await run_in_daemon_thread(lambda: fingerprint(watched))
        self._watcher.poll_interval = max(POLL_INTERVAL, _POLL_DIVISOR * (time.monotonic() - began))
        return self._self_written.exclude_from(found)

    async def _replace(self, now: Fingerprint, changed: list[str]) -> Fingerprint:
        """
        Replace the version that serves, since the files *changed*. The fingerprint of all is *now*.

        Returns:
            The fingerprint of the version that has been tried; an empty one if it must be tried again.
        """
        log.info("reload: %s changed; another version is loaded", abbreviate(map(_shown, changed)))
        self._tried = changed
        files = now
        try:
            version = await self._make()
            loaded = await self._take_fingerprint(version.deployment.watched)
            files = loaded | now
            written = await self._load(version, files)
        except SystemShortage as error:
            await self._end_loading()
            _log_failure(error, f"it is tried again in {_SHORTAGE_SECONDS:g} s")
            await asyncio.sleep(_SHORTAGE_SECONDS)
            return {}
        except HostError as error:
            await self._end_loading()
            self._failed = True
            _log_failure(error, "the old version goes on serving")
            return files
        except Exception:  # noqa: BLE001  a bug of ours must not prevent later versions
            await self._end_loading()
            self._failed = True
            log.exception("reload: internal error; the old version goes on serving")
            return files
        except BaseException:  # the host stops
            await self._end_loading()
            raise
        if written:
            await self._end_loading()
            self._reject(written)
            return {}
        self._take_over(version)
        return {name: files[name] for name in loaded}

    async def _make(self) -> ServiceVersion:
        """
        Prepare the next version, and watch its files, too.

        Raises:
            HostError: it cannot be prepared.
        """
        deployment = await run_in_daemon_thread(self._prepare_or_discard)
        deployment = _keep_start_options(deployment, self.serving.deployment.config)
        version = self._loading = ServiceVersion(self._front, deployment, self._on_fatal)
        self._watch_files(tuple(dict.fromkeys((*self._watched, *deployment.watched))))
        return version

    def _prepare_or_discard(self) -> Deployment:
        deployment = self._prepare()
        if self._stopped:  # nothing waits for it any more
            deployment.discard()
        return deployment

    async def _load(self, version: ServiceVersion, files: Fingerprint) -> list[str]:
        """
        Load *version*. *files* is the fingerprint from before.

        Returns:
            The files that have changed. If there are any, the version must not be used, and may not be fully loaded.

        Raises:
            HostError: it cannot be loaded.
        """
        load = self._loop.create_task(version.load())
        try:
            while True:
                done, _ = await asyncio.wait([load], timeout=_CHECK_SECONDS)
                written = changed_paths(files, await self._take_fingerprint(self._watched))
                if done and load.exception() is None:
                    written = await self._served.among(written, version)
                elif done or not self._failed:  # what has not loaded cannot tell what it uses
                    written = await self._served.among(written, self.serving)
                if done and not written:
                    load.result()  # an error of half-written files is none
                if done or written:
                    return written
        finally:
            load.cancel()

    async def _end_loading(self) -> None:
        """
        End the version that was loading and does not take over.
        """
        version = self._loading
        if version is not None:
            version.kill()
            await version.end()
        self._loading = None

    def _reject(self, written: list[str]) -> None:
        self._self_written.record_load(written)
        self._tried = written
        log.info(
            "reload: %s changed while another version was loading; it is not used", abbreviate(map(_shown, written))
        )

    def _take_over(self, version: ServiceVersion) -> None:
        old, self.serving = self.serving, version
        self._loading = None
        self._self_written.reset()
        self._served.forget()
        self._failed = False
        deployment = version.deployment
        self._front.serve(deployment.name, deployment.config, version.backends)
        self._watch_files(deployment.watched)
        log.announce("[INFO] Service reload successfully")
        task = self._loop.create_task(_finish(old))
        self._draining[task] = old
        task.add_done_callback(self._finished)

    def _watch_files(self, watched: tuple[Path, ...]) -> None:
        self._watched = watched
        self._watcher.watch(watched)

    def _finished(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():  # if it was cancelled, the host ends, and with it the version
            del self._draining[task]
        _log_internal_error(task)


def _lacks_code(files: Fingerprint, changed: list[str]) -> bool:
    """
    Tell whether code among the *changed* files is not in *files*.
    """
    return any(name not in files and is_code(name) for name in changed)


def _shown(name: str) -> str:
    """
    Write the file *name* as a user would, who is in the working directory.
    """
    path = Path(name)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else name


async def _finish(version: ServiceVersion) -> None:
    """
    Let *version*, which has been replaced, answer its requests, and end it.
    """
    await version.drain(version.deployment.config.grace_period)
    await version.end()


def _keep_start_options(deployment: Deployment, old: HostConfig) -> Deployment:
    """
    Keep the options that only a start of the host can change. A generated token stays, too, since clients know it.
    """
    config = deployment.config
    for name in _START_OPTIONS:
        if getattr(config, name) != getattr(old, name):
            log.warning("reload: %s stays as it was; start the host again to change it", name)
    fixed = {name: getattr(old, name) for name in _START_OPTIONS}
    if config.generate_token and old.generate_token:
        fixed["token"] = old.token
    return replace(deployment, config=replace(config, **fixed))


def _log_failure(error: HostError, consequence: str) -> None:
    """
    Log why a version is not used, and what happens next.
    """
    text = f"reload: {error.message}; {consequence}"
    if log.announce.as_json:
        log.error("%s", text, extra={"detail": error.detail or None})
    else:
        log.error("%s%s", text, f"\n{error.detail}" if error.detail else "")


def _log_internal_error(task: asyncio.Task[None]) -> None:
    """
    Log the exception that ended *task*, if there is one: it is a bug of ours.
    """
    if not task.cancelled() and task.exception() is not None:
        log.error("internal error while reloading", exc_info=task.exception())
