"""
`--reload`: a new version of the service takes over when its files change.

Strategy: the system tells that something changed (`watching`); whether it did, and whether files still change, is seen
by a fingerprint of all that is watched. A version is made and loaded beside the one that serves. It takes over only if
the files are as they were when it began to load, so it is never half of one version and half of another; the old one
then finishes what it has. A version that does not load leaves the old one serving.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from eas_host import log
from eas_host.config import HostConfig
from eas_host.deploy.deployment import Deployment, Prepare
from eas_host.errors import HostError, LoadError
from eas_host.versions import Version
from eas_host.watching import Fingerprint, Watch, fingerprint

if TYPE_CHECKING:
    from eas_host.front.context import FrontContext

T = TypeVar("T")

SETTLE_SECONDS: Final = 0.1
"""How long nothing may have changed before files are taken to be complete: longer than an editor takes between two."""
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
        self, front: FrontContext, serving: Version, prepare: Prepare, on_fatal: Callable[[LoadError], None]
    ) -> None:
        self.serving = serving
        self._front = front
        self._prepare = prepare
        self._on_fatal = on_fatal
        self._changed = asyncio.Event()
        self._loading: Version | None = None
        self._draining: dict[asyncio.Task[None], Version] = {}
        self._watch = Watch(front.loop, self._changed.set)
        self._seen = fingerprint(serving.deployment.watched)  # before it loads
        self._task: asyncio.Task[None] | None = None

    @property
    def versions(self) -> list[Version]:
        """
        All that live: the one that serves, one that loads, and those that finish what they have.
        """
        loading = [self._loading] if self._loading is not None else []
        return [self.serving, *loading, *self._draining.values()]

    def start(self) -> None:
        """
        Watch from here on.
        """
        self._watch.follow(self.serving.deployment.watched)
        self._task = self._front.loop.create_task(self._run())
        self._task.add_done_callback(_report)

    async def stop(self) -> None:
        """
        The host stops: no other version takes over any more.
        """
        self._watch.close()
        tasks = {*self._draining, *([self._task] if self._task is not None else [])}
        while tasks:
            # More than once: before Python 3.12 `wait_for` swallows a cancellation that comes together with its event.
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    async def _run(self) -> None:
        seen = self._seen
        while True:
            now = await self._settled()
            if now == seen:
                await self._changed.wait()
            else:
                seen = await self._replace(now)

    async def _settled(self) -> Fingerprint:
        """
        Wait until the files do not change any more, and return what they are.
        """
        while True:
            self._changed.clear()
            now = await _look(self.serving.deployment)
            try:
                await asyncio.wait_for(self._changed.wait(), SETTLE_SECONDS)
            except asyncio.TimeoutError:
                return now

    async def _replace(self, now: Fingerprint) -> Fingerprint:
        """
        Replace the version that serves, whose files are *now* others. Returns the files of the version that has been
        tried, as they were then.
        """
        log.info("reload: files have changed; another version is loaded")
        before = self.serving.deployment
        try:
            deployment = _keep_fixed(await _in_background(self._prepare), before.config)
            loaded = await _look(deployment)
            version = await self._load(deployment)
        except HostError as error:
            detail = f"\n{error.detail}" if error.detail else ""
            log.error("reload: %s; the old version goes on serving%s", error.message, detail)
            return now
        if await _look(deployment) != loaded or await _look(before) != now:
            log.info("reload: files have changed while another version was loading; it is not used")
            await version.end()
            self._changed.set()
            return now
        self._take_over(version)
        return loaded

    async def _load(self, deployment: Deployment) -> Version:
        """
        Make and load a version.

        Raises:
            HostError: that is not possible; nothing of it is left.
        """
        version = self._loading = Version(self._front, deployment, self._on_fatal)
        try:
            await version.load()
        except BaseException:
            version.kill()
            await version.end()
            raise
        finally:
            self._loading = None
        return version

    def _take_over(self, version: Version) -> None:
        old, self.serving = self.serving, version
        deployment = version.deployment
        self._front.serve(deployment.name, deployment.config, version.backends)
        self._watch.follow(deployment.watched)
        log.announce("[INFO] Service reload successfully")
        task = self._front.loop.create_task(_finish(old))
        self._draining[task] = old
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():  # else the host ends, and with it the version
            del self._draining[task]
        _report(task)


async def _finish(version: Version) -> None:
    """
    Let *version*, which another one has taken over from, answer what it has, and end it.
    """
    await version.drain(version.deployment.config.grace_period)
    await version.end()


async def _look(deployment: Deployment) -> Fingerprint:
    return await _in_background(lambda: fingerprint(deployment.watched))


async def _in_background(call: Callable[[], T]) -> T:
    """
    Call *call* in a thread that nothing waits for when the host ends, as it would for those of an executor: a download
    may take long.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(settle_it: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if done.done() else settle_it())

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            settle(partial(done.set_exception, error))
        else:
            settle(partial(done.set_result, result))

    threading.Thread(target=run, name="eas-reload", daemon=True).start()
    return await done


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


def _report(task: asyncio.Task[None]) -> None:
    """
    Log what ended *task*, if it is a bug of ours.
    """
    if not task.cancelled() and task.exception() is not None:
        log.error("internal error while reloading", exc_info=task.exception())
