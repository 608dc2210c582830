"""
Generators and coroutines under a debugger: what they run, they run in steps, each of which must be traced.
"""

import inspect
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, Callable

RunStep = Callable[..., Any]
"""`run_step(method, args, stops=stops)`: calls *method* under the debugger, which may stop (`Debugger.run_step`)."""

ENDED = (b"the debugger has ended", 503)
"""The result of a call whose debugger the user has ended."""


def makes_steps(method: object) -> bool:
    """
    Tell whether a call of *method* runs nothing yet.
    """
    return (
        inspect.isgeneratorfunction(method) or inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
    )


def debugged_steps(run_step: RunStep, returned: Any, *, stops: "bool | None") -> Any:  # noqa: ANN401  the user's
    """
    Return *returned*, or what runs its steps by *run_step* if it has some. Whether the first one *stops*.
    """
    if isinstance(returned, (Generator, Coroutine)):
        return _Steps(run_step, returned, stops)
    if isinstance(returned, AsyncGenerator):
        return _AsyncSteps(run_step, returned, stops)
    return returned


class _Steps(Generator, Coroutine):  # type: ignore[type-arg]  # Python 3.6 has no arguments for them
    """
    Does what the generator or coroutine *steps* does.
    """

    def __init__(self, run_step: RunStep, steps: Any, stops: "bool | None") -> None:  # noqa: ANN401  as above
        self._run_step = run_step
        self._steps = steps
        self._stops = stops

    def send(self, value: Any) -> Any:  # noqa: ANN401  as above
        """
        Run the next step.
        """
        return self._run(self._steps.send, value)

    def throw(self, *error: Any) -> Any:  # noqa: ANN401  an exception, or its type, value and traceback
        """
        Raise *error* in the next step.
        """
        return self._run(self._steps.throw, *error)

    def close(self) -> None:
        """
        End it.
        """
        self._steps.close()

    def __await__(self) -> "_Steps":
        return self

    def _run(self, step: "Callable[..., Any]", *args: object) -> Any:  # noqa: ANN401  as above
        stops, self._stops = self._stops, None
        result = self._run_step(step, args, stops=stops)
        if result is ENDED:
            raise StopIteration(ENDED)
        return result


class _AsyncSteps(AsyncGenerator):  # type: ignore[type-arg]  # as above
    """
    Does what the async generator *steps* does.
    """

    def __init__(self, run_step: RunStep, steps: Any, stops: "bool | None") -> None:  # noqa: ANN401  as above
        self._run_step = run_step
        self._steps = steps
        self._stops = stops

    async def asend(self, value: Any) -> Any:  # noqa: ANN401  as above
        """
        Return the next part.
        """
        return await self._run(self._steps.asend(value))

    async def athrow(self, *error: Any) -> Any:  # noqa: ANN401  as above
        """
        Raise *error* where it waits.
        """
        return await self._run(self._steps.athrow(*error))

    async def aclose(self) -> None:
        """
        End it.
        """
        await _Steps(self._run_step, self._steps.aclose(), None)

    async def _run(self, awaitable: Any) -> Any:  # noqa: ANN401  as above
        stops, self._stops = self._stops, None
        result = await _Steps(self._run_step, awaitable, stops)
        if result is ENDED:
            raise StopAsyncIteration
        return result
