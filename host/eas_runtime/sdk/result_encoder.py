"""
Calls a python processor's `process` and makes a response of whatever it returns or raises, as EAS does
(docs/eas-compatibility.md, section 3.3); or its `batch_process`, and makes a response of each item (docs/batching.md).

The log shows each mistake: what was returned and what is expected, or the trace from the user's first frame on.
"""

import operator
from typing import Any, Callable, Generator, Iterator

from allspark.service import ServedProcessor
from eas_runtime.ring import RETURNED, RingBatch, RingCall, WorkerRing
from eas_runtime.sdk.explanations import (
    Explanation,
    explain_batch,
    explain_batch_item,
    explain_call,
    explain_result,
    run_again,
)
from eas_runtime.sdk.streamed_answers import StreamedAnswers
from eas_runtime.sdk.user_errors import safe_str
from eas_runtime.threads import BatchHandler, RequestHandler

HTTP_OK = 200

INT_MIN = -(2**31)
INT_MAX = 2**31 - 1
"""What the ring carries as a status: a C int."""
_BETTER = {dict: "json.dumps(data).encode()", list: "json.dumps(data).encode()"}


class ResultEncoder:
    """
    Makes the handlers of the threads that call *processor*. They share a record of warnings, so that each is logged
    once. *folder* is the working directory before the first call.

    Attributes:
        streamed: the answers under way that come in parts.
    """

    def __init__(self, ring: WorkerRing, processor: ServedProcessor, folder: str) -> None:
        self._ring = ring
        self._processor = processor
        self._folder = folder
        self._warned: set[type] = set()
        self.streamed = StreamedAnswers(ring, self.encode, self.answer_error)

    def handler(self, process: "Callable[[bytes], Any]") -> RequestHandler:
        """
        Make a handler that calls *process*, that of the processor or a debugger's.
        """

        def handle(call: RingCall) -> "tuple[int, bytes] | None":
            try:
                returned = process(call.input())
            except BaseException as error:  # noqa: BLE001  also sys.exit() costs only its own request
                self.answer_error(call, error)
                return None
            code = _status(returned)
            if code is None or not isinstance(returned[0], bytes):
                return self._other_answer(call, returned)
            return max(INT_MIN, min(code, INT_MAX)), returned[0]

        return handle

    def batch_handler(self, batch_process: "Callable[[list[bytes]], Any]") -> BatchHandler:
        """
        Make a handler that calls *batch_process*, that of the processor or a debugger's.

        If that fails for several requests, each runs by itself: any of them may be the cause. What it raises for one
        request is the answer to that.
        """
        processor = self._processor

        def handle(batch: RingBatch) -> bool:
            calls = batch.calls
            count = len(calls)
            try:
                returned = batch_process([call.input() for call in calls])
                items = list(returned) if isinstance(returned, (tuple, list)) else []
            except BaseException as error:  # noqa: BLE001  as above
                batch.end(answered=False)
                then = run_again(count) if count > 1 else ""
                said = explain_call(processor, error, self._folder, "batch_process", then)
                if count == 1:
                    self._answer_raised(calls[0], said)
                else:
                    self._ring.log("W", said.log)
                return count == 1
            if len(items) != count:
                batch.end(answered=False)
                self._ring.log("W", explain_batch(processor, returned, count))
                return False
            answers = [self._answer_to(item, place, count) for place, item in enumerate(items)]
            batch.end(answered=True)
            streams = []
            for call, answer in zip(calls, answers):
                if isinstance(answer, Explanation):
                    self._answer_raised(call, answer)
                elif isinstance(answer[1], bytes):
                    self._ring.reply(call, RETURNED, *answer)
                else:
                    streams.append((call, answer))
            batch.report()
            for call, (code, parts) in streams:  # one after the other: this is one thread
                self.streamed.begin(call, parts, code)
            return True

        return handle

    def _answer_to(self, item: Any, place: int, count: int) -> "tuple[int, Any] | Explanation":  # noqa: ANN401
        """
        Return status and data that *item* is, of the *count* that `batch_process` has returned, or what is wrong with
        it. The data is bytes, or an iterator of parts.
        """
        try:
            code = _status(item)
            if code is not None:
                data = item[0]
                if hasattr(data, "__anext__"):
                    return explain_batch_item(self._processor, item, place, count)
                if not isinstance(data, Iterator):
                    data = self.encode(data, "batch_process")
                return max(INT_MIN, min(code, INT_MAX)), data
            if isinstance(item, Generator):
                return HTTP_OK, item
        except Exception as error:  # noqa: BLE001  an object of the user's
            return explain_call(self._processor, error, self._folder, "batch_process")
        return explain_batch_item(self._processor, item, place, count)

    def _other_answer(self, call: RingCall, returned: Any) -> "tuple[int, bytes] | None":  # noqa: ANN401  as `_status`
        """
        Do what a handler does if `process` has *returned* other data than bytes, or something else.
        """
        result = self.checked(call, returned)
        if result is None:
            return None
        data, code = result
        if isinstance(data, Iterator):
            self.streamed.begin(call, data, code)
            return None
        if hasattr(data, "__anext__"):
            self._answer_raised(call, explain_result(self._processor, returned))
            return None
        return code, self.encode(data)

    def checked(self, call: RingCall, returned: Any) -> "tuple[Any, int] | None":  # noqa: ANN401  as `_status`
        """
        Return data and status of what `process` has *returned*. None: it is neither, and *call* is answered so.
        """
        code = _status(returned)
        if code is not None:
            return returned[0], max(INT_MIN, min(code, INT_MAX))
        if isinstance(returned, Generator):
            return returned, HTTP_OK
        self._answer_raised(call, explain_result(self._processor, returned))
        return None

    def answer_error(self, call: RingCall, error: BaseException) -> None:
        """
        Answer *call* with what the processor has raised.
        """
        self._answer_raised(call, explain_call(self._processor, error, self._folder))

    def _answer_raised(self, call: RingCall, said: Explanation) -> None:
        ring = self._ring
        ring.log("E", said.log)
        ring.reply_raised(call, said.answer.encode("utf-8", "replace"), said.frames.encode("utf-8", "replace"))

    def encode(self, data: object, method: str = "process") -> bytes:
        """
        Turn *data*, which is not bytes, into bytes: buffers and text directly, anything else by `str`, as EAS does.
        """
        if isinstance(data, bytes):
            return data
        if isinstance(data, (bytearray, memoryview)):
            return bytes(data)
        if not isinstance(data, str) and type(data) not in self._warned:
            self._warned.add(type(data))
            better = next((form for kind, form in _BETTER.items() if isinstance(data, kind)), "bytes")
            kind = type(data).__name__
            self._ring.log("W", f"{method} returned {kind} as data; it is sent as str(data), return {better} instead")
        return safe_str(data).encode("utf-8", "replace")


def _status(returned: Any) -> "int | None":  # noqa: ANN401  a processor returns anything
    """
    Return the status in *returned* if that is a tuple or a list of two with a whole number at its end; else None. Two
    bytes would unpack, too, but do not count.

    EAS compares the status with 0 and 200, which are equal to 0.0 and 200.0.
    """
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:  # noqa: PLR2004  data and status
        return None
    status = returned[1]
    try:
        return int(status) if isinstance(status, float) and status.is_integer() else operator.index(status)
    except Exception:  # noqa: BLE001  not a number, or one whose __index__ fails
        return None
