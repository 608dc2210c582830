"""
Work that would keep the event loop from its connections, in a thread.

The system may have no room for another thread. That passes, so it is waited for: nothing that the front does besides
serving ends for want of one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from eas_host import log

T = TypeVar("T")

_AGAIN_SECONDS: Final = 1.0
"""How long to wait before another try to start a thread."""


async def in_background(call: Callable[[], T]) -> T:
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

    start_thread(loop, run, "eas-background")
    return await done


def start_thread(loop: asyncio.AbstractEventLoop, run: Callable[[], None], name: str, *, tries: int = 0) -> None:
    """
    Call *run* in a thread that nothing waits for when the host ends, as soon as the system lets one be started.

    To be called on the thread of *loop*, which tries again.
    """
    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:
        if tries == 0:
            log.warning("%s: %s; it is tried again each second", name, error)
        loop.call_later(_AGAIN_SECONDS, partial(start_thread, loop, run, name, tries=tries + 1))
