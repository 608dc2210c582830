"""
The command `eas-host load`: how many requests a second a service answers, and how long each takes.

Standard output has the report alone; each step is told on standard error as soon as it is measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eas_host import log
from eas_host.cli import target
from eas_host.cli.calls import load_options, request_body
from eas_host.cli.target import TargetParser
from eas_host.config.option_parser import OptionParser, parse_args
from eas_host.config.option_types import Address
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError, HostError, NoAnswer

if TYPE_CHECKING:
    from eas_host.cli.calls.load_options import LoadOptions
    from eas_host.load.measurement import Measurement
    from eas_host.load.report import Result
    from eas_host.load.run import Run

ERROR_STATUS: Final = 22
"""Exit code if requests had no success: that of `curl --fail`."""
SLO_MISSED: Final = 1
_INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""
_DEFAULTS: Final[Mapping[str, Any]] = {"listen": Address("127.0.0.1", 0), "log_level": "warning", "grace_period": 1.0}
_ABOUT: Final = (
    "Load a service: how many requests a second it answers, how long they take, which workers it should have."
)
_EXAMPLES: Final = """\
examples:
  eas-host load app.py --data-binary @digit.png
  eas-host load service.json --bodies requests/ --slo 50 --plot load.svg
  eas-host load http://127.0.0.1:8080/api/predict/echo -d hello --rate 100,200,400 --json
"""
_NOTES: Final = """\
TARGET is the URL of a service that runs, or a processor or a service.json, which is served for the time of the run, on
a free port of this machine; then the times in the queue and in the call are told apart, and there is an advice.

Without --rate the load is a number of requests under way: 1, 2, 4 ... until throughput stops growing or p99 passes
--slo. With --rate, requests are sent when they are due, however long those before take, and the time of each counts
from then: a service that stands still hides nothing. Each body that is given is sent in turn, by POST.
"""
_CODES: Final = """\
Exit codes: 0 done, 1 no load kept p99 within --slo, 22 there were errors (a status of 400 or more, a lost connection),
2 a wrong option, 3 the processor cannot be loaded or the service does not answer, 130 Ctrl+C: what was measured so far
is printed.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command with the arguments *argv*.

    Raises:
        HostError: an argument is wrong, the processor cannot be loaded, or the service does not answer.
    """
    parser = _parser()
    args = parse_args(parser, argv)
    is_url = "://" in args.get("file", "")
    if is_url:
        load_options.check_fits_url(args)
    options = load_options.read(args)
    log.keep_stdout_free()
    # Imported late, so that a wrong option does not wait for it.
    from eas_host.load.batches.advice import judge_batches  # noqa: PLC0415
    from eas_host.load.report import Result  # noqa: PLC0415
    from eas_host.load.run import Run  # noqa: PLC0415
    from eas_host.load.sweep import Plan  # noqa: PLC0415
    from eas_host.service.host import raise_file_limit  # noqa: PLC0415

    raise_file_limit()
    plan = Plan(options.rates, options.concurrencies, options.slo)
    load = Run(plan, options.bodies, None, options.seconds, options.timeout)
    if is_url:
        token = resolve_options({name: args[name] for name in ("token", "env_file") if name in args}).config.token
        url = args["file"]
        steps, interrupted = load._replace(token=token).measure(url, None, _tell)
        return _finish(args, options, Result(url, steps, plan.slo, batching=judge_batches(steps)), interrupted)
    measured = _load_own(parser, argv, load)
    if isinstance(measured, int):
        return measured
    result, interrupted = measured
    if "try" in args and not interrupted:
        result, interrupted = _try_advice(parser, argv, load, result)
    return _finish(args, options, result, interrupted)


def _load_own(parser: OptionParser, argv: Sequence[str], load: Run) -> tuple[Result, bool] | int:
    """
    Serve the target for the time of the run. Returns the result, and whether a signal has ended the run; or the exit
    code of the host, if that could not serve.

    Raises:
        HostError: an argument is wrong, or the host does not answer.
    """
    from eas_host.load.advice import ServiceWorkers, advise  # noqa: PLC0415  late, as above
    from eas_host.load.batches.advice import judge_batches, suggest_batches  # noqa: PLC0415
    from eas_host.load.batches.methods import find_batch_method  # noqa: PLC0415
    from eas_host.load.own_host import OwnHost  # noqa: PLC0415
    from eas_host.load.report import Result  # noqa: PLC0415

    deployment = target.prepare(parser, argv, _DEFAULTS)
    config = deployment.config
    if config.isolation == "none":
        deployment.discard()
        raise ConfigError("--isolation none: the workers are measured apart from the front; drop it")
    with OwnHost(deployment) as host:
        started = host.start()
        if started is None:
            if host.exit_code is None or host.exit_code <= 0:  # else it has said why
                raise NoAnswer("the host that was started has ended before it served")
            return host.exit_code
        steps, interrupted = load._replace(token=config.token).measure(started.url, host.pid, _tell)
        spec = deployment.processors[0].spec
        workers = ServiceWorkers(spec.type, started.threads, config.worker_processes)
        batching = judge_batches(steps)
        if config.batching == "off":  # while the host lives, so do the files that were made for it
            batching = suggest_batches(steps, workers, lambda: find_batch_method(spec))
    return Result(started.url, steps, load.plan.slo, workers, advise(steps, workers), batching=batching), interrupted


def _try_advice(parser: OptionParser, argv: Sequence[str], load: Run, result: Result) -> tuple[Result, bool]:
    """
    Repeat the best step of *result*, or one with more requests under way, with the workers that are advised.
    """
    best, advice = result.best, result.advice
    if best is None or advice is None or not advice.differs_from(result.workers):
        return result, False
    # Fewer requests than workers would leave some of these without any.
    at_least = advice.worker_threads * advice.worker_processes
    plan = load.plan._replace(
        rates=[best.rate] if best.rate is not None else (), concurrencies=[max(best.concurrency or 0, at_least)]
    )
    end = argv.index("--") if "--" in argv else len(argv)
    workers = [f"--worker-threads={advice.worker_threads}", f"--worker-processes={advice.worker_processes}"]
    try:
        tried = _load_own(parser, [*argv[:end], *workers, *argv[end:]], load._replace(plan=plan))
    except HostError as error:
        log.print_error(f"eas-host: --try: {error.message}")  # the report of the first run is still to come
        return result, False
    if isinstance(tried, int):
        return result, False
    again, interrupted = tried
    return result._replace(trial=again.steps[0] if again.steps else None), interrupted


def _parser() -> TargetParser:
    parser = target.make_target_parser("load", _ABOUT, _EXAMPLES, _NOTES, _CODES)
    parser.usage = "%(prog)s [URL | TARGET] [-d TEXT | --data-binary @FILE | --bodies DIR] [--rate R] [options]"
    parser.surplus = request_body.SURPLUS
    load_options.add_arguments(parser)
    parser.add_argument("--try", action="store_true", help="serve it again with the workers that are advised")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _tell(step: Measurement) -> None:
    from eas_host.load.report import describe_step  # noqa: PLC0415  late, as above

    log.print_error(describe_step(step))


def _finish(args: Mapping[str, Any], options: LoadOptions, result: Result, interrupted: bool) -> int:
    """
    Print and draw *result*. Returns the exit code.
    """
    from eas_host.load.charts import draw_svg, format_bars  # noqa: PLC0415  late, as above
    from eas_host.load.report import format_report, to_json  # noqa: PLC0415

    if not result.steps:
        return _INTERRUPTED
    if "json" in args:
        print(json.dumps(to_json(result), indent=2, ensure_ascii=False))
    else:
        print("\n".join(format_report(result)))
        block = "█" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"
        print(f"\n{format_bars(result.steps, block)}")
    if options.plot is not None:
        try:
            options.plot.write_text(draw_svg(result), encoding="utf-8")
        except OSError as error:
            sys.stdout.flush()
            raise ConfigError(f"--plot: {options.plot}: {error.strerror}") from error
    if interrupted:
        return _INTERRUPTED
    if result.slo is not None and result.best is None:
        return SLO_MISSED
    return ERROR_STATUS if any(step.errors for step in result.steps) else 0
