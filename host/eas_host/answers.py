"""
Every answer of the host itself: its HTTP status, when it comes, who can do something about it, and what.

Whoever makes such an answer says which of these it is (`dispatch.responses`), so the status of each is written here
alone, beside its meaning; the reference of statuses in the documentation is made of this list. The line of text that a
client reads says more than that, and is written where it is known what has happened. What a processor's return code
becomes is in `reply`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from eas_host.reply import BAD_REQUEST, OK, QUEUE_FULL


class Fault(Enum):
    """
    Who can do something about an answer.
    """

    NOBODY = ""
    CLIENT = "the client"
    PROCESSOR = "the processor"
    OPERATOR = "who runs the service"
    HOST = "eas-host"


class AnswerKind(NamedTuple):
    """
    What answers of the host have in common that have the same cause.

    Attributes:
        status: the HTTP status.
        when: what has happened.
        fault: who can do something about it.
        advice: what to do.
        headers: the header fields that only such answers have.
        closes: whether the connection is closed.
    """

    status: int
    when: str
    fault: Fault
    advice: str = ""
    headers: tuple[str, ...] = ()
    closes: bool = False


_RETRY: Final = ("Retry-After",)
_AUTHORIZE: Final = "send the token in the header `Authorization`"

# No errors.

CONTINUE: Final = AnswerKind(
    100,
    "the request has `Expect: 100-continue`, and its body is wanted; the answer itself follows",
    Fault.NOBODY,
    "send the body",
)
HANDLED: Final = AnswerKind(OK, "a builtin handler has done what was asked", Fault.NOBODY)
HANDED_ON: Final = AnswerKind(
    202,
    "`/api/builtin/tell` has put the request into the queue; nobody is told what the processor answers",
    Fault.NOBODY,
)
PREFLIGHT_PASSED: Final = AnswerKind(
    204,
    "a browser has asked whether a page may call, and `--cors` allows it",
    Fault.NOBODY,
    headers=("Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"),
)
PAGE_IS_BELOW: Final = AnswerKind(
    308, "`/api/builtin/ui` without a slash at its end", Fault.NOBODY, "follow `Location`", ("Location",)
)

# Requests that are wrong.

MALFORMED: Final = AnswerKind(
    BAD_REQUEST,
    "the request is no valid HTTP/1: it cannot be parsed, has no `Host`, two or a wrong one, or says twice how long its"
    " body is",
    Fault.CLIENT,
    "mend the client, or the proxy before the host; the text says what is wrong",
    closes=True,
)
FOREIGN_PROTOCOL: Final = AnswerKind(
    BAD_REQUEST,
    "what came is another protocol: TLS, HTTP/2, or a line of the PROXY protocol",
    Fault.CLIENT,
    "speak HTTP/1.1 without TLS; the text and the log say what was recognised",
    closes=True,
)
DAMAGED_BODY: Final = AnswerKind(
    BAD_REQUEST,
    "the body is compressed and cannot be decompressed, or costs too much work for its size",
    Fault.CLIENT,
    "compress as `Content-Encoding` says; where there is none, `rpc.decompressor` decides",
)
WRONG_CONTENT: Final = AnswerKind(
    BAD_REQUEST,
    "what was sent to a builtin handler is wrong: no JSON, no metric, or no value of that property",
    Fault.CLIENT,
    "the text says what was expected; nothing was changed",
)
UNAUTHORIZED: Final = AnswerKind(
    401,
    "the token is missing or wrong, a signature does not match, or a body does not match its `Content-MD5`",
    Fault.CLIENT,
    f"{_AUTHORIZE}; it is the one of `--token`",
    ("WWW-Authenticate",),
)
HANDLER_UNAUTHORIZED: Final = AnswerKind(
    401, "the handler that the program has injected at that path has a token of its own", Fault.CLIENT, _AUTHORIZE
)
NOT_LOCAL: Final = AnswerKind(
    403,
    "a builtin handler that changes something was asked from another machine, and there is no token",
    Fault.OPERATOR,
    "ask from the same machine, or start the host with `--token`",
)
WEB_PAGE: Final = AnswerKind(
    403,
    "a web page has asked a builtin handler to change something, and there is no token",
    Fault.OPERATOR,
    "start the host with `--token`, or name the page's origin with `--cors`",
)
FOREIGN_NAME: Final = AnswerKind(
    403,
    "a builtin handler was called by a name that may be that of a web page, and there is no token",
    Fault.OPERATOR,
    "call it as `localhost`, or start the host with `--allow-host` or `--token`",
)
PREFLIGHT_REFUSED: Final = AnswerKind(
    403,
    "a browser has asked whether a page may call, and `--cors` names other origins",
    Fault.OPERATOR,
    "add the page's origin with `--cors`",
)
FILE_REFUSED: Final = AnswerKind(
    403, "a file of `--static` is too large, or cannot be read", Fault.OPERATOR, "the text says which and why"
)
NO_SUCH_PATH: Final = AnswerKind(
    404,
    "there is no handler at that path under `/api/builtin/`, no such file of `--static`, or no such service for the"
    " direct endpoint",
    Fault.CLIENT,
    "the text lists the handlers, or names the service that there is",
)
NO_SUCH_MODEL: Final = AnswerKind(
    404,
    "the service has several models, and none at that path",
    Fault.CLIENT,
    "the text lists the paths that there are",
)
NO_SUCH_PROPERTY: Final = AnswerKind(
    404, "`/api/builtin/prop` was asked for a property that nobody has put", Fault.CLIENT, "ask for all, without a name"
)
HANDLER_IS_GONE: Final = AnswerKind(
    404,
    "the handler that a program had injected at that path is no part of the version that has taken over",
    Fault.PROCESSOR,
)
WRONG_METHOD: Final = AnswerKind(
    405,
    "a method other than `GET`, `HEAD` and `POST`, or one that the builtin handler does not know",
    Fault.CLIENT,
    "`Allow` has those that are known",
    ("Allow",),
)
NO_PREFLIGHT: Final = AnswerKind(
    405,
    "a browser has asked whether a page may call, and there is no `--cors`",
    Fault.OPERATOR,
    "start the host with `--cors ORIGIN`",
    ("Allow",),
)
TIMED_OUT: Final = AnswerKind(
    408,
    "the request took longer than `--keepalive` to arrive, to wait and to run; the processor may still run it",
    Fault.PROCESSOR,
    "the log says where the processor's threads were; make it faster, or raise `--keepalive`",
    closes=True,
)
TOO_LARGE: Final = AnswerKind(
    413,
    "the body is larger than `--max-body` or half of `--memory-budget`, or than what the builtin handler takes; it is"
    " refused before it takes memory",
    Fault.CLIENT,
    "send less, or raise the option that the text names",
    closes=True,
)
DECOMPRESSED_TOO_LARGE: Final = AnswerKind(
    413, "the same of the body as decompressed", Fault.CLIENT, "send less, or raise the option that the text names"
)
LONG_TARGET: Final = AnswerKind(
    414, "the request's target is longer than 8 KiB", Fault.CLIENT, "put into the body what it has in it", closes=True
)
UNKNOWN_CODING: Final = AnswerKind(
    415,
    "`Content-Encoding` names a coding that the host does not know, or several",
    Fault.CLIENT,
    "use one of those that `Accept-Encoding` has",
    ("Accept-Encoding",),
)
UNKNOWN_EXPECTATION: Final = AnswerKind(
    417, "`Expect` has something else than `100-continue`", Fault.CLIENT, "leave the header out", closes=True
)
RATE_LIMITED: Final = AnswerKind(
    429, "more requests in a second than `--rate-limit`", Fault.CLIENT, "wait as `Retry-After` says", _RETRY
)
LARGE_HEAD: Final = AnswerKind(
    431, "the head of the request is larger than 32 KiB", Fault.CLIENT, "send fewer or shorter headers", closes=True
)
FULL: Final = AnswerKind(
    QUEUE_FULL,
    "`--max-queue-size` requests wait for this model already; the connection stays open",
    Fault.OPERATOR,
    "try again later; give the service more workers, or clients that wait",
)
LEFT: Final = AnswerKind(
    499,
    "the client has closed its connection before the answer: only in the log and in the metrics",
    Fault.CLIENT,
    "raise the client's time-out, or make the processor faster",
)

HANDLERS_BUSY: Final = AnswerKind(
    QUEUE_FULL,
    "as many requests as are allowed at once are with handlers that the program has injected",
    Fault.PROCESSOR,
    "try again later",
)

# What goes wrong behind the host.

EXCEPTION: Final = AnswerKind(
    BAD_REQUEST,
    "the processor, or a handler that it has injected, raised or threw an exception; its message is the body, and"
    " clients on the same machine see the frames",
    Fault.PROCESSOR,
    "the log has type and trace",
)
CRASHED: Final = AnswerKind(
    500,
    "the processor crashed or ended its process while it ran this request; the text has the cause and the number of the"
    " crash, and clients on the same machine see the frames",
    Fault.PROCESSOR,
    "the log has the same number; `eas-host debug` shows the crash in a debugger",
)
PROGRAM_ENDED: Final = AnswerKind(
    500, "`python app.py` has ended, and with it the requests that it had", Fault.PROCESSOR, "start the program again"
)
HANDLER_FAILED: Final = AnswerKind(
    500,
    "the worker died while a handler that its program has injected answered, or what it answered makes no sense",
    Fault.PROCESSOR,
    "the log has the cause",
)
BAD_OUTPUT: Final = AnswerKind(
    500,
    "what the processor returned is no output, or is too large: above `--max-output`, or for `--memory-budget`",
    Fault.PROCESSOR,
    "the text says what is wrong with it",
)
INTERNAL: Final = AnswerKind(
    500, "a bug of eas-host", Fault.HOST, "the log has the trace, with which it can be reported"
)
UNKNOWN_TRANSFER: Final = AnswerKind(
    501,
    "a `Transfer-Encoding` other than `chunked` alone",
    Fault.CLIENT,
    "compress with `Content-Encoding` instead",
    closes=True,
)
UNAVAILABLE: Final = AnswerKind(
    503,
    "the model takes no requests: its workers cannot be kept running, or stay down with `--crash-block`, or its"
    " `model.ready` is 0; the text begins with `no healthy upstream` and has the reason",
    Fault.PROCESSOR,
    "come back as `Retry-After` says; the log tells why there is no worker",
    _RETRY,
)
NO_WORKER_IN_TIME: Final = AnswerKind(
    503,
    "no worker became ready within `--keepalive` after the last one had died",
    Fault.PROCESSOR,
    "come back as `Retry-After` says; the log tells what the worker died of",
    _RETRY,
    closes=True,
)
NOT_READY: Final = AnswerKind(503, "`/api/builtin/ping?ready=true` while the processor takes no requests", Fault.NOBODY)
NO_MEMORY: Final = AnswerKind(
    503,
    "`--memory-budget` has no room for the body now, or the system has no thread to decompress it",
    Fault.OPERATOR,
    "come back as `Retry-After` says; raise `--memory-budget` if the machine has the memory",
    _RETRY,
)
UPLOAD_DROPPED: Final = AnswerKind(
    503,
    "`--memory-budget` is used up, and this upload has cost most, in bytes times seconds",
    Fault.OPERATOR,
    "come back as `Retry-After` says, and send faster; raise `--memory-budget` if the machine has the memory",
    _RETRY,
    closes=True,
)
TAKING_OVER: Final = AnswerKind(
    503,
    "another version takes over, with `--reload`, and its injected handlers are not there yet",
    Fault.NOBODY,
    "try again",
)
TOO_MANY_WATCHERS: Final = AnswerKind(
    503,
    "as many pages of `/api/builtin/ui/` as may watch do so already, or the host stops",
    Fault.NOBODY,
    "close one of them",
)
UNKNOWN_VERSION: Final = AnswerKind(
    505, "a version of HTTP other than 1.0 and 1.1", Fault.CLIENT, "use HTTP/1.1", closes=True
)

ANSWERS: Final = tuple(
    sorted((kind for kind in tuple(globals().values()) if isinstance(kind, AnswerKind)), key=lambda kind: kind.status)
)
"""All of them, by their statuses."""
