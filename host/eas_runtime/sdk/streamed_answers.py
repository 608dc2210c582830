"""
Answers that a processor in Python makes part by part: it returns a generator, or another iterator, as data, or is one.

The thread that called `process` goes on with the iterator and sends each part as it comes. If the client reads so
slowly that the ring has no room for a part, the call is parked, and the thread takes other requests: the thread that
finds room again goes on with it. So an iterator may run on several threads, one after the other. It is closed as soon
as its next part finds that nobody waits for the answer any more.
"""

from typing import Any, Callable, Iterator

from eas_runtime.ring import PART_CLOSED, PART_FULL, PART_SIZE, RingCall, WorkerRing
from eas_runtime.sdk.user_errors import describe_error, user_trace


class StreamedAnswer:
    """
    An answer under way: its *parts* and its *status*.

    Attributes:
        part: the last part.
        sent: how many bytes of it were sent.
    """

    __slots__ = ("part", "parts", "sent", "status")

    def __init__(self, parts: "Iterator[Any]", status: int) -> None:
        self.parts = parts
        self.status = status
        self.part = b""
        self.sent = 0


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

    def begin(self, call: RingCall, parts: "Iterator[Any]", status: int) -> None:
        """
        Answer *call* with *parts*.
        """
        self._go_on(call, StreamedAnswer(parts, status))

    def resume(self, call: RingCall) -> None:
        """
        Go on with the answer to *call*, which was parked and which the calling thread has now.
        """
        self._go_on(call, self._parked.pop(call.key))

    def close(self) -> None:
        """
        Close the iterators of the answers that are parked, since nobody will go on with them.
        """
        while self._parked:
            _, answer = self._parked.popitem()
            try:
                _close(answer.parts)
            except BaseException as error:  # noqa: BLE001  what the author wrote for this end has failed
                self._ring.log("E", f"a generator raised {describe_error(error)} at its end\n{user_trace(error)}")

    def _go_on(self, call: RingCall, answer: StreamedAnswer) -> None:
        ring = self._ring
        try:
            while self._send_rest(call, answer):
                answer.part = self._encode(next(answer.parts))
                answer.sent = 0
                if not answer.part and ring.is_abandoned(call):
                    self._end(call, answer)
                    return
        except StopIteration:
            ring.end_parts(call, answer.status)
        except BaseException as error:  # noqa: BLE001  also sys.exit() costs only its own request
            self._answer_raised(call, error)

    def _send_rest(self, call: RingCall, answer: StreamedAnswer) -> bool:
        """
        Send what is left of the last part. Returns False if the answer does not go on now.
        """
        part, at = answer.part, answer.sent
        while at < len(part):
            # All that is left of a large part would be a large copy, as often as there is room.
            result, sent = self._ring.send_part(call, answer.status, part[at : at + PART_SIZE])
            at += sent
            if result == PART_CLOSED:
                self._end(call, answer)
                return False
            if result == PART_FULL:
                answer.sent = at
                self._parked[call.key] = answer  # before another thread can have it
                self._ring.park(call)
                return False
        return True

    def _end(self, call: RingCall, answer: StreamedAnswer) -> None:
        """
        End the iterator and the call, for whose answer nobody waits.
        """
        _close(answer.parts)
        self._ring.end_parts(call, answer.status)


def _close(parts: "Iterator[Any]") -> None:
    """
    End *parts*, if they have a `close`, as generators have.
    """
    close = getattr(parts, "close", None)
    if close is not None:
        close()
