"""
`--reload`: a new version of the service takes over when its files change.

Strategy: the system tells that something changed (`file_watcher`); whether it did, and whether files still change, is
seen by a fingerprint of all that is watched. A version is made and loaded beside the one that serves. It takes over
only if the files are as they were when it began to load, so it is never half of one version and half of another; the
old one then finishes what it has. A version that does not load leaves the old one serving, and its files are watched,
too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.config import HostConfig
from eas_host.deploy.deployment import STARTED, Deployment, Prepare
from eas_host.errors import HostError, LoadError, SystemShortage
from eas_host.front.front import Front
from eas_host.service.file_watcher import LOOK_SECONDS, FileWatcher, Fingerprint, fingerprint, unchanged_since
from eas_host.service.self_written_files import SelfWrittenFiles, differing, some_of
from eas_host.service.service_version import ServiceVersion
from eas_host.system.daemon_threads import run_in_daemon_thread

SETTLE_SECONDS: Final = 0.1
"""How long nothing may have changed before files are taken to be complete: longer than an editor takes between two."""
_ENOUGH_SECONDS: Final = 2.0
"""A version that loads for so long, and may hang, is given up if its files have changed: it would not be used."""
_LOOK_SHARE: Final = 20
"""Looking takes one part in so many of the time at most; a folder with 100,000 files takes a second."""
_SHORTAGE_SECONDS: Final = 2.0
"""How long a version waits that had no room for a process; files tell of no change then."""
_CANCEL_SECONDS: Final = 1.0
_FIXED: Final = ("listen", "isolation", "max_body", "log_level", "log_format", "reload")
"""Options that are settled when the host starts."""


class Reloader:
    """
    Replaces the version that *front* serves with those that *prepare* makes.

    Args:
        front: what serves.
        serving: the version that serves now.
        prepare: makes the next one; called in a thread.
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
        self._watch = FileWatcher(self._loop, self._changed.set)
        self._watched = serving.deployment.watched
        self._seen = unchanged_since(STARTED, fingerprint(self._watched))  # before it loads
        self._scribbles = SelfWrittenFiles()
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    @property
    def versions(self) -> list[ServiceVersion]:
        """
        All that live: the one that serves, one that loads, and those that finish what they have.
        """
        loading = [self._loading] if self._loading is not None else []
        return [self.serving, *loading, *self._draining.values()]

    def start(self) -> None:
        """
        FileWatcher from here on.
        """
        self._watch.follow(self._watched)
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(_report)

    async def stop(self) -> None:
        """
        The host stops: no other version takes over any more.
        """
        self._stopped = True
        self._watch.close()
        tasks = {*self._draining, *([self._task] if self._task is not None else [])}
        while tasks:
            # More than once: before Python 3.12 `wait_for` swallows a cancellation that comes together with its event.
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    async def _run(self) -> None:
        seen = self._seen
        now = await self._settled()
        self._scribbles.loaded(differing(seen, now))
        while True:
            if now == seen:
                await self._changed.wait()
            else:
                seen = await self._replace(seen, now)
            now = await self._settled()

    async def _settled(self) -> Fingerprint:
        """
        Wait until the files do not change any more, and return what they are.
        """
        before: Fingerprint | None = None
        while True:
            self._changed.clear()
            now = await self._look(self._watched)
            if before not in (None, now):
                self._scribbles.interrupted()
            before = now
            try:
                await asyncio.wait_for(self._changed.wait(), SETTLE_SECONDS * self._scribbles.patience)
            except asyncio.TimeoutError:
                return now

    async def _look(self, watched: tuple[Path, ...]) -> Fingerprint:
        """
        What the files *watched* are now, but for those that the versions write themselves.
        """
        began = time.monotonic()
        found = await run_in_daemon_thread(lambda: fingerprint(watched))
        self._watch.look_seconds = max(LOOK_SECONDS, _LOOK_SHARE * (time.monotonic() - began))
        return self._scribbles.without(found)

    async def _replace(self, seen: Fingerprint, now: Fingerprint) -> Fingerprint:
        """
        Replace the version that serves, since its files, which were *seen*, are *now* others. Returns the files of the
        version that has been tried, as they were then; none if it has to be tried again.
        """
        log.info("reload: files have changed (%s); another version is loaded", some_of(differing(seen, now)))
        files = now
        try:
            version = await self._make()
            loaded = await self._look(version.deployment.watched)
            files = loaded | now
            written = await self._load(version, files)
        except SystemShortage as error:
            await self._drop()
            _complain(error, f"it is tried again in {_SHORTAGE_SECONDS:g} s")
            await asyncio.sleep(_SHORTAGE_SECONDS)
            return {}
        except HostError as error:
            await self._drop()
            _complain(error, "the old version goes on serving")
            return files
        except Exception:  # noqa: BLE001  a bug of ours costs this version, not all that come
            await self._drop()
            log.exception("reload: internal error; the old version goes on serving")
            return files
        except BaseException:  # the host stops
            await self._drop()
            raise
        if written:
            await self._drop()
            self._reject(written)
            return {}
        self._take_over(version)
        return {name: files[name] for name in loaded}

    async def _make(self) -> ServiceVersion:
        """
        Make a version, and watch its files, too.

        Raises:
            HostError: that is not possible.
        """
        deployment = await run_in_daemon_thread(self._prepare_or_discard)
        deployment = _keep_fixed(deployment, self.serving.deployment.config)
        version = self._loading = ServiceVersion(self._front, deployment, self._on_fatal)
        self._follow(tuple(dict.fromkeys((*self._watched, *deployment.watched))))
        return version

    def _prepare_or_discard(self) -> Deployment:
        deployment = self._prepare()
        if self._stopped:  # nobody waits for it any more
            deployment.discard()
        return deployment

    async def _load(self, version: ServiceVersion, files: Fingerprint) -> list[str]:
        """
        Load *version*, whose *files* were these when it was made. Returns those that have changed: it is not to be
        used then, and perhaps has not even finished.

        Raises:
            HostError: it cannot be loaded.
        """
        load = self._loop.create_task(version.load())
        try:
            while True:
                done, _ = await asyncio.wait([load], timeout=_ENOUGH_SECONDS)
                if done:
                    load.result()
                written = differing(files, await self._look(self._watched))
                if done or written:
                    return written
        finally:
            load.cancel()

    async def _drop(self) -> None:
        """
        End the version that does not come to serve.
        """
        version = self._loading
        if version is not None:
            version.kill()
            await version.end()
        self._loading = None

    def _reject(self, written: list[str]) -> None:
        self._scribbles.loaded(written)
        log.info("reload: files have changed (%s) while another version was loading; it is not used", some_of(written))

    def _take_over(self, version: ServiceVersion) -> None:
        old, self.serving = self.serving, version
        self._loading = None
        self._scribbles.interrupted()
        deployment = version.deployment
        self._front.serve(deployment.name, deployment.config, version.backends)
        self._follow(deployment.watched)
        log.announce("[INFO] Service reload successfully")
        task = self._loop.create_task(_finish(old))
        self._draining[task] = old
        task.add_done_callback(self._finished)

    def _follow(self, watched: tuple[Path, ...]) -> None:
        self._watched = watched
        self._watch.follow(watched)

    def _finished(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():  # else the host ends, and with it the version
            del self._draining[task]
        _report(task)


async def _finish(version: ServiceVersion) -> None:
    """
    Let *version*, which another one has taken over from, answer what it has, and end it.
    """
    await version.drain(version.deployment.config.grace_period)
    await version.end()


def _keep_fixed(deployment: Deployment, old: HostConfig) -> Deployment:
    """
    What only a start can change stays; a token that was made up stays, too, for clients know it.
    """
    config = deployment.config
    for name in _FIXED:
        if getattr(config, name) != getattr(old, name):
            log.warning("reload: %s stays as it was; start the host again to change it", name)
    fixed = {name: getattr(old, name) for name in _FIXED}
    if config.generate_token and old.generate_token:
        fixed["token"] = old.token
    return replace(deployment, config=replace(config, **fixed))


def _complain(error: HostError, fate: str) -> None:
    """
    Say why a version is not used, and what becomes of that.
    """
    text = f"reload: {error.message}; {fate}"
    if log.announce.as_json:
        log.error("%s", text, extra={"detail": error.detail or None})
    else:
        log.error("%s%s", text, f"\n{error.detail}" if error.detail else "")


def _report(task: asyncio.Task[None]) -> None:
    """
    Log what ended *task*, if it is a bug of ours.
    """
    if not task.cancelled() and task.exception() is not None:
        log.error("internal error while reloading", exc_info=task.exception())
