"""
The command line of the benchmark, and which tables it asks for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from servers.ours import LANGUAGES
from servers.peers import DEFAULT_PEERS, PEERS
from servers.tools import BUILD
from tables import batches, deaths, echo, images, latency, ping
from tables.variant import FULL, Variant

NAMES: Final = (echo.NAME, latency.NAME, ping.NAME, batches.NAME, images.NAME, deaths.NAME)
_ONLY_IF_ASKED: Final = (deaths.NAME,)
_QUICK: Final = 3
_Value = TypeVar("_Value")


def parse_options(arguments: Sequence[str], description: str | None) -> argparse.Namespace:
    """
    Parse *arguments*; what they leave open has its default afterwards.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_dimensions(parser)
    _add_choice(parser)
    _add_measuring(parser)
    options = parser.parse_args(arguments)
    options.heads = options.heads or (["vary"] if options.vary else None)
    if options.token and "vary" not in (options.heads or ()):
        parser.error("--token: the clients that show one are those of --vary")
    if options.quick:
        options.rounds, options.seconds = _QUICK, 1
    if options.full:
        options.peers = list(PEERS)
    return options


def dimensions(options: argparse.Namespace) -> Mapping[str, Sequence[Any]]:
    """
    Return the values of each dimension, the first of which is the base.
    """
    defaults: Mapping[str, Any] = Variant()._asdict()
    return {
        name: getattr(options, name) or (FULL[name] if options.full else (default,))
        for name, default in defaults.items()
    }


def is_wanted(table: str, subject: str, only: Sequence[str]) -> bool:
    """
    Tell whether *subject* of *table* is to be measured, with these values of `--only`.
    """
    if not only:
        return table not in _ONLY_IF_ASKED
    return any(_names(text, table, subject) for text in only)


def _names(text: str, table: str, subject: str) -> bool:
    wanted, _, part = text.partition(", ")
    if wanted in NAMES:
        return wanted == table and part in subject
    return table == echo.NAME and text in subject


def _add_dimensions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what is varied", "each a value, or several: the first is the base, the others are measured one at a time"
    )
    number = _several(int)
    group.add_argument("--connections", "-c", type=number, metavar="N[,N]", help="that send requests at once [32]")
    group.add_argument("--body", type=number, metavar="N[,N]", help="bytes in each request's body [32]")
    group.add_argument("--threads", type=number, metavar="N[,N]", help="of eas-host's workers [its default]")
    group.add_argument("--processes", type=number, metavar="N[,N]", help="of eas-host's workers [its default]")
    group.add_argument("--work", type=number, metavar="US[,US]", help="microseconds of CPU time in each call [0]")
    group.add_argument("--burners", type=number, metavar="N[,N]", help="other programs that compute meanwhile [0]")
    group.add_argument("--heads", type=_several(_one_of("same", "vary")), help="of requests: same, or vary [same]")
    group.add_argument("--vary", action="store_true", help="--heads vary: another date, signature and length in each")
    group.add_argument("--full", action="store_true", help="several values of each dimension, and all peers")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is measured")
    group.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help=f"servers whose name contains TEXT, and the bare one; or a table ({', '.join(NAMES)}),"
        ' or "TABLE, TEXT"; may be repeated',
    )
    group.add_argument(
        "--languages", type=_several(_one_of(*LANGUAGES)), default=LANGUAGES, help=f"[{','.join(LANGUAGES)}]"
    )
    group.add_argument(
        "--peers",
        type=_peers,
        default=list(DEFAULT_PEERS),
        metavar="NAME[,NAME]",
        help=f"other hosts to compare with: {', '.join(PEERS)}; all or none [{','.join(DEFAULT_PEERS)}]",
    )
    group.add_argument("--token", action="store_true", help="eas-host asks for a token; needs --vary")


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how")
    group.add_argument("--rounds", type=int, default=5, help="how often each server is measured [5]")
    group.add_argument("--seconds", type=int, default=4, help="seconds of load on each server in each round [4]")
    group.add_argument("--warm-up", type=int, default=1, help="seconds of load before that, which do not count [1]")
    group.add_argument("--quick", action="store_true", help=f"{_QUICK} rounds of 1 second")
    group.add_argument(
        "--output", type=Path, default=BUILD / "results", help="folder of bench.json, bench.md and bench.svg"
    )
    group.add_argument("--publish", action="store_true", help="keep the results in bench/README.md and history.jsonl")


def _several(parse: Callable[[str], _Value]) -> Callable[[str], list[_Value]]:
    def values(text: str) -> list[_Value]:
        return [parse(part) for part in text.split(",")]

    return values


def _one_of(*names: str) -> Callable[[str], str]:
    def name(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(names)}")
        return text

    return name


def _peers(text: str) -> list[str]:
    known = {"all": list(PEERS), "none": []}
    return known[text] if text in known else _several(_one_of(*PEERS))(text)
