"""
Answers that a processor in Python makes part by part: it returns a generator, or another iterator, as data, or is one.

The thread that called `process` goes on with the iterator and sends each part as it comes. If the client reads so
slowly that the ring has no room for a part, the call is parked, and the thread takes other requests: the thread that
finds room again goes on with it. So an iterator may run on several threads, one after the other. It is closed as soon
as its next part finds that nobody waits for the answer any more.
"""

from typing import Any, Callable, Iterator

from eas_runtime.ring import PART_CLOSED, PART_FULL, RingCall, WorkerRing


class StreamedAnswer:
    """
    An answer under way: its *parts* and its *status*.

    Attributes:
        rest: what was not sent of the last part.
    """

    __slots__ = ("parts", "rest", "status")

    def __init__(self, parts: "Iterator[Any]", status: int) -> None:
        self.parts = parts
        self.status = status
        self.rest = b""


class StreamedAnswers:
    """
    Those of one process. *encode* makes bytes of a part; *answer_raised* answers a call with the exception that the
    processor has raised.
    """

    def __init__(
        self,
        ring: WorkerRing,
        encode: "Callable[[Any], bytes]",
        answer_raised: "Callable[[RingCall, BaseException], None]",
    ) -> None:
        self._ring = ring
        self._encode = encode
        self._answer_raised = answer_raised
        self._parked: dict[tuple[int, int], StreamedAnswer] = {}
        ring.on_resumed(self._resume)

    def begin(self, call: RingCall, parts: "Iterator[Any]", status: int) -> None:
        """
        Answer *call* with *parts*.
        """
        self._go_on(call, StreamedAnswer(parts, status))

    def _resume(self, call: RingCall) -> None:
        self._go_on(call, self._parked.pop(call.key))

    def _go_on(self, call: RingCall, answer: StreamedAnswer) -> None:
        ring = self._ring
        part = answer.rest
        while True:
            if part:
                result, sent = ring.send_part(call, answer.status, part)
                if result == PART_CLOSED:
                    self._close(call, answer)
                    return
                if result == PART_FULL:
                    answer.rest = part[sent:]
                    self._parked[call.key] = answer  # before another thread can have it
                    ring.park(call)
                    return
            try:
                part = self._encode(next(answer.parts))
            except StopIteration:
                ring.end_parts(call, answer.status)
                return
            except BaseException as error:  # noqa: BLE001  also sys.exit() costs only its own request
                self._answer_raised(call, error)
                return

    def _close(self, call: RingCall, answer: StreamedAnswer) -> None:
        """
        End the iterator, as `close` of a generator does, and the call, for whose answer nobody waits.
        """
        close = getattr(answer.parts, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:  # noqa: BLE001  what the author wrote for this end has failed
            self._answer_raised(call, error)
            return
        self._ring.end_parts(call, answer.status)
