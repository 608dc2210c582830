"""
The command `eas-host invoke`: loads a processor, calls it, and prints what it returns.

Standard output has the output alone; statuses, times and memory are on standard error, between the lines of the log.
"""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host import log
from eas_host.cli import target
from eas_host.cli.calls import request_body
from eas_host.cli.calls.calls_at_once import Answers, CallsAtOnce
from eas_host.cli.target import TargetParser
from eas_host.config import option_types
from eas_host.config.option_parser import parse_args
from eas_host.errors import ConfigError
from eas_host.reply import BAD_REQUEST

if TYPE_CHECKING:
    from eas_host.service.invocation import Invocation

ERROR_STATUS: Final = 22
"""Exit code for a status of 400 or more: that of `curl --fail`."""
CRASHED: Final = 4
_MIB: Final = 2**20
_CALLS_TO_COMPARE: Final = 100
_MAX_CALLS: Final = 1_000_000_000
_MAX_AT_ONCE: Final = 1000
_STDIN: Final = "-"
_ABOUT: Final = "Load a processor, call it once and print its output. Nothing listens, and nothing is tried again."
_EXAMPLES: Final = """\
examples:
  eas-host invoke libecho.so -d hello
  eas-host invoke app.py --data-binary @digit.png > scores.json
  eas-host invoke service.json -n 1000 -d '{"x": 1}'     times and memory of a thousand calls
  eas-host invoke libone.so -d 1,2 -d 7 --at-once 4      one after another, then four at once: the same answers?
  cat digit.png | eas-host invoke app.py -
"""
_NOTES: Final = """\
The body is that of -d or --data-binary, standard input with `-`, or else empty; of several, calls take one after the
other. A call may take as long as it likes, unless --keepalive or the description says otherwise. Of a service with
several models the first one is called.

--at-once K tells whether the processor is thread-safe, as far as answers show it: they must be the same as those of
calls that run alone. Several bodies show more, since a call may not notice another one with its own body.
"""
_CODES: Final = """\
Exit codes: 0 success, 22 an error status (400 or more), 2 a wrong option or description, 3 the processor cannot be
loaded, 4 it crashed: the log on standard error says where; 5 answers differ when calls run at once.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command with the arguments *argv*.

    Raises:
        HostError: an argument is wrong, or the processor cannot be loaded.
    """
    parser = _parser()
    # To argparse a lone dash is a positional argument, which it does not take behind an option.
    words = argv[: argv.index("--")] if "--" in argv else argv
    from_stdin = _STDIN in words
    argv = [*(word for word in words if word != _STDIN), *argv[len(words) :]]
    args = parse_args(parser, argv)
    bodies = _bodies(args, from_stdin=from_stdin)
    at_once = _int("--at-once", args.get("at_once", "1"), _MAX_AT_ONCE)
    times = _times(args.get("times"), len(bodies), compared=at_once > 1)
    from eas_host.service.invocation import ENDLESS, Calls, invoke  # noqa: PLC0415  a wrong option does not wait for it

    log.keep_stdout_free()
    report = _Report()
    defaults = {"keepalive": ENDLESS, "check_memory": True}
    deployment = target.prepare(parser, argv, {**defaults, **({"worker_threads": at_once} if at_once > 1 else {})})
    calls = [Calls(times, 1, report.add)]
    compared = CallsAtOnce(report.answers, deployment.processors[0].spec.type)
    if at_once > 1:
        calls.append(Calls(times, at_once, compared.add))
    loaded = invoke(deployment, bodies, calls)
    code = report.finish(loaded.seconds)
    return compared.finish(at_once, loaded.threads, CRASHED) or code


def _parser() -> TargetParser:
    parser = target.make_target_parser("invoke", _ABOUT, _EXAMPLES, _NOTES, _CODES)
    parser.usage = "%(prog)s [TARGET] [-d TEXT | --data-binary @FILE | -] [-n N] [--at-once K] [options]"
    parser.serves = False
    parser.surplus = request_body.SURPLUS
    request_body.add_arguments(parser, several=True)
    parser.add_argument("-n", dest="times", metavar="N", help="call it N times; the last output is printed [1]")
    parser.add_argument(
        "--at-once", metavar="K", help="then N times more, K at once, and tell whether answers differ; -n is 100 then"
    )
    return parser


def _times(given: str | None, bodies: int, *, compared: bool) -> int:
    """
    Return how many calls there are one after another, with so many *bodies*. *compared*: whether their answers are to
    be compared.
    """
    least = 2 * bodies if compared else bodies
    if given is None:
        return max(least, _CALLS_TO_COMPARE) if compared else least
    times = _int("-n", given, _MAX_CALLS)
    if compared and times < least:
        raise ConfigError(f"-n {times}: --at-once compares two answers at least to each body: -n {least}")
    return times


def _int(name: str, text: str, most: int) -> int:
    try:
        return option_types.int_range(1, most)(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {text!r}: {error}") from error


def _bodies(args: Mapping[str, Any], *, from_stdin: bool) -> list[bytes]:
    if from_stdin:
        if "data" in args or "data_binary" in args:
            raise ConfigError("-: the body is given twice; drop `-`, or -d and --data-binary")
        return [sys.stdin.buffer.read()]
    return request_body.read_several(args) or [b""]


class _Report:
    """
    What was seen of calls one after another.

    Attributes:
        answers: what they were answered.
    """

    def __init__(self) -> None:
        self.answers = Answers()
        self._seconds: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._first_resident: int | None = None
        self._last: Invocation | None = None

    def add(self, call: Invocation) -> None:
        """
        Count *call*.
        """
        self.answers.add(call)
        self._seconds.append(call.seconds)
        self._statuses[call.outcome.status] += 1
        if self._last is None:
            self._first_resident = call.resident
        self._last = call

    def finish(self, loading: float) -> int:
        """
        Print the last output, and what is known of the calls and of the *loading*, which took so many seconds. Returns
        the exit code.
        """
        last = self._last
        assert last is not None  # noqa: S101  there is one call at least
        if last.resident is None:
            log.print_error(f"status {last.outcome.status}: the processor crashed; {self._times(loading)}")
            return CRASHED
        if last.outcome.by_processor:
            request_body.print_output(last.outcome.body)
        else:
            log.print_error(last.outcome.body.decode("utf-8", "replace"))
        statuses = ", ".join(f"status {status}" + self._often(status) for status in sorted(self._statuses))
        log.print_error(f"{statuses}; {len(last.outcome.body)} bytes; {self._times(loading)}; {self._memory(last)}")
        return ERROR_STATUS if max(self._statuses) >= BAD_REQUEST else 0

    def _often(self, status: int) -> str:
        return "" if len(self._seconds) == 1 else f" {self._statuses[status]} times"

    def _times(self, loading: float) -> str:
        seconds = self._seconds
        loaded = f"loaded in {loading:.2f} s"
        if len(seconds) == 1:
            return f"{_milliseconds(seconds[0])}; {loaded}"
        median = statistics.median(seconds)
        return f"{_milliseconds(median)} ({_milliseconds(min(seconds))} to {_milliseconds(max(seconds))}); {loaded}"

    def _memory(self, last: Invocation) -> str:
        resident = last.resident or 0
        grown = resident - (self._first_resident or resident)
        more = f", {grown / _MIB:+.1f} MiB since the first call" if len(self._seconds) > 1 else ""
        return f"{resident / _MIB:.1f} MiB in memory{more}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
