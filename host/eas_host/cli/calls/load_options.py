"""
The options of `eas-host load` that say what is sent, how often and for how long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from eas_host.cli.calls import request_body
from eas_host.config import option_types
from eas_host.config.host import OPTIONS, flag
from eas_host.config.option_parser import OptionParser
from eas_host.errors import ConfigError

_MOST_RATE: Final = 1_000_000
_MOST_CONCURRENCY: Final = 10_000
_LONGEST: Final = 3600.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class LoadOptions:
    """
    What the options say.

    Attributes:
        bodies: of the requests, which have them in turn.
        rates: requests a second, a step for each.
        concurrencies: requests under way, a step for each.
        slo: the seconds that 99 % of the requests may take, if that is limited.
        seconds: for how long a step sends requests.
        timeout: seconds for the answers that are missing then.
        plot: the file to draw into, if there is one.
    """

    bodies: tuple[bytes, ...]
    rates: tuple[float, ...]
    concurrencies: tuple[int, ...]
    slo: float | None
    seconds: float
    timeout: float
    plot: Path | None


def add_arguments(parser: OptionParser) -> None:
    """
    Have *parser* accept these options.
    """
    request_body.add_arguments(parser)
    parser.add_argument("--bodies", metavar="DIR", help="a folder: the body of each request is the next file in it")
    parser.add_argument("--rate", metavar="R[,R...]", help="requests a second, a step for each")
    parser.add_argument("--concurrency", metavar="N[,N...]", help="requests under way, a step for each")
    parser.add_argument("--slo", metavar="MS", help="milliseconds that 99 %% of the requests may take")
    parser.add_argument("--seconds", metavar="S", help="for how long a step sends requests [3]")
    parser.add_argument("--timeout", metavar="S", help="seconds for the answers that are missing then [30]")
    parser.add_argument("--plot", metavar="FILE", help="draw the steps into an SVG file")


def read(args: Mapping[str, Any]) -> LoadOptions:
    """
    Read the options in *args*.

    Raises:
        ConfigError: one is wrong, or two do not go together.
    """
    if "rate" in args and "concurrency" in args:
        raise ConfigError("--rate and --concurrency: both are given; give one of them")
    milliseconds = [_value(args, name, "", _number(0.001, _LONGEST * 1000)) for name in ("slo",) if name in args]
    return LoadOptions(
        bodies=_read_bodies(args),
        rates=_values(args, "rate", _number(0.01, _MOST_RATE)),
        concurrencies=_values(args, "concurrency", option_types.int_range(1, _MOST_CONCURRENCY).__call__),
        slo=milliseconds[0] / 1000 if milliseconds else None,
        seconds=_value(args, "seconds", "3", _number(0.01, _LONGEST)),
        timeout=_value(args, "timeout", "30", _number(0.01, _LONGEST)),
        plot=_plot(args["plot"]) if "plot" in args else None,
    )


def check_fits_url(args: Mapping[str, Any]) -> None:
    """
    Check that *args*, whose target is a URL, have no option of a host.

    Raises:
        ConfigError: they have, or it is no URL of a service.
    """
    from eas_host.load.service import parse_url  # noqa: PLC0415  only needed here

    parse_url(args["file"])
    of_host = [flag(name) for name in (*OPTIONS, "host", "port") if name in args and name != "token"]
    of_host += ["--try"] if "try" in args else []
    of_host += ["-D"] if "overrides" in args else []
    of_host += ["--"] if "arguments" in args else []
    if of_host:
        raise ConfigError(f"{of_host[0]}: is for a processor that is served here; {args['file']} runs already")


def _value(args: Mapping[str, Any], name: str, default: str, read_one: Callable[[str], _T]) -> _T:
    text = args.get(name, default)
    try:
        return read_one(text)
    except ValueError as error:
        raise ConfigError(f"--{name}: {text!r}: {error}") from error


def _values(args: Mapping[str, Any], name: str, read_one: Callable[[str], _T]) -> tuple[_T, ...]:
    """
    Read the values of the option *name*, between commas; none if it is not given.
    """
    if name not in args:
        return ()
    return _value(args, name, "", lambda text: tuple(read_one(part) for part in text.split(",")))


def _plot(text: str) -> Path:
    """
    Check the path *text* of a file that is written at the end: after minutes it would be late to learn of a mistake.
    """
    path = Path(text)
    if not path.parent.is_dir() or path.is_dir():
        wrong = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise ConfigError(f"--plot: {text}: {wrong}; name a file to write")
    return path


def _number(least: float, most: float) -> Callable[[str], float]:
    def read_number(text: str) -> float:
        expected = f"expected a number from {least:g} to {most:g}"
        try:
            number = float(text)
        except ValueError as error:
            raise ValueError(expected) from error
        if not least <= number <= most:
            raise ValueError(expected)
        return number

    return read_number


def _read_bodies(args: Mapping[str, Any]) -> tuple[bytes, ...]:
    """
    Read the bodies that *args* name, one at least.

    Raises:
        ConfigError: a file cannot be read, or there is none.
    """
    if "bodies" not in args:
        return (request_body.read(args) or b"",)
    if "data" in args or "data_binary" in args:
        raise ConfigError("--bodies: the body is given twice; drop it, or -d and --data-binary")
    folder = Path(args["bodies"])
    try:
        bodies = tuple(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
    except OSError as error:
        raise ConfigError(f"--bodies: {error.filename}: {error.strerror}") from error
    if not bodies:
        raise ConfigError(f"--bodies: {folder}: there is no file in it")
    return bodies
