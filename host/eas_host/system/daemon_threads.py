"""
Runs work that would block the event loop in a thread.

The system may have no room for another thread. That is temporary, so the start is tried again: no task of the front
ends because a thread could not be started.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from eas_host import log

T = TypeVar("T")

_RETRY_SECONDS: Final = 1.0
"""How long to wait before the start of a thread is tried again."""


async def run_in_daemon_thread(call: Callable[[], T]) -> T:
    """
    Call *call* in a daemon thread and return its result. The end of the host does not wait for it, as it would for a
    thread of an executor: a download may take long.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def report(set_outcome: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if done.done() else set_outcome())

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  the caller gets it
            report(partial(done.set_exception, error))
        else:
            report(partial(done.set_result, result))

    start_daemon_thread(loop, run, "eas-background")
    return await done


def start_daemon_thread(loop: asyncio.AbstractEventLoop, run: Callable[[], None], name: str, *, tries: int = 0) -> None:
    """
    Call *run* in a daemon thread, as soon as the system is able to start one.

    This must be called on the thread of *loop*, which repeats the try.
    """
    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:
        if tries == 0:
            log.warning("%s: %s; it is tried again each second", name, error)
        loop.call_later(_RETRY_SECONDS, partial(start_daemon_thread, loop, run, name, tries=tries + 1))
