"""
Work that would keep the event loop from its connections, in a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


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

    threading.Thread(target=run, name="eas-background", daemon=True).start()
    return await done
