"""
The event loop of one process: asyncio's own, or what the policy of the program makes, on a thread of its own.

The loop is made before the processor loads, so that an `initialize` that is no coroutine may create what belongs to it,
or run it for a moment. The thread starts with the first coroutine. Nothing that a task raises ends the loop, not even
`sys.exit`, for which asyncio leaves it.
"""

import asyncio
from typing import Any, Awaitable, Callable

from eas_runtime.sdk.frames import is_users
from eas_runtime.sdk.user_errors import describe_error, user_trace
from eas_runtime.unpatched import Event, Thread, start_thread

NAME = "event-loop"
"""The thread's name."""
_END_SECONDS = 1.0
"""How long tasks may take to end after they were cancelled at the end of the worker, which has 2 s in all."""


class EventLoop:
    """
    The loop, which is also that of the calling thread. *log* writes to the host's log.

    Attributes:
        loop: asyncio's object.
        thread: runs it; None before the first coroutine.
    """

    def __init__(self, log: "Callable[[str, str], None]") -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.thread: Thread | None = None
        self._log = log
        self._ending = False

    def start(self) -> Thread:
        """
        Start the thread, if it does not run yet, and return it.
        """
        if self.thread is None:
            self.thread = start_thread(self._run, NAME)
        return self.thread

    def call(self, function: "Callable[..., object]", *args: object) -> None:
        """
        Have the loop call *function* with *args*, from any thread. After the loop's end nothing happens.
        """
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # it is closed
            if not self._ending:
                raise

    def run(self, awaitable: "Awaitable[Any]") -> Any:  # noqa: ANN401  whatever it returns
        """
        Await *awaitable* in the loop, and return its result, or raise its exception, in the calling thread.
        """
        self.start()
        ended = Event()
        results: list[tuple[Any, BaseException | None]] = []

        async def settle() -> None:
            try:
                results.append((await awaitable, None))
            except BaseException as error:  # noqa: BLE001  whatever it is, it is the caller's
                results.append((None, error))
            ended.set()

        self.call(lambda: self.loop.create_task(settle()))
        ended.wait()
        result, error = results[0]
        if error is not None:
            raise error
        return result

    def end(self, timeout: "float | None" = None) -> bool:
        """
        Cancel all tasks, and end the loop, in *timeout* seconds at most. Returns whether it has ended.
        """
        if self.thread is None:
            return True
        self._ending = True
        self.call(lambda: self.loop.create_task(self._end_tasks()))
        self.thread.join(_END_SECONDS if timeout is None else timeout)
        return not self.thread.is_alive()

    async def _end_tasks(self) -> None:
        own = _current_task(self.loop)
        tasks = [task for task in _all_tasks(self.loop) if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        self.loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except BaseException as error:  # noqa: BLE001  a task of the program's own has called sys.exit()
                _drop_own_frames(error)
                raised = f"a task of the program has left the event loop, which goes on: {describe_error(error)}"
                self._log("E", f"{raised}\n{user_trace(error)}")
            else:
                if self._ending:
                    return
                self._log("W", "the program has stopped the event loop, which goes on")


def _drop_own_frames(error: BaseException) -> None:
    """
    Have the trace of *error*, which asyncio may print, too, begin with the user's code.
    """
    trace = error.__traceback__
    while trace is not None and not is_users(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    error.__traceback__ = trace


_all_tasks = getattr(asyncio, "all_tasks", None) or asyncio.Task.all_tasks  # type: ignore[attr-defined]  # Python 3.6
_current_task = getattr(asyncio, "current_task", None) or asyncio.Task.current_task  # type: ignore[attr-defined]
