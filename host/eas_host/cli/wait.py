"""
`eas-host wait [URL]`: return as soon as the service at URL takes requests.

For scripts that start a host and then call it. `curl --retry` waits, too, but it also repeats a request that was
answered 408 or 500, and so a call that has crashed its processor crashes it again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from eas_host import log
from eas_host.cli.command_parser import CommandParser
from eas_host.config import option_types
from eas_host.errors import ConfigError

_PROBE: Final = "/api/builtin/ping?ready=true"
_INTERVAL: Final = 0.05
_TRY_SECONDS: Final = 2.0
"""How long one try may take: what takes a connection and never answers may not be the service."""
_OK: Final = 200
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound
_CONNECTIONS: Final[dict[str, type[HTTPConnection]]] = {"http": HTTPConnection, "https": HTTPSConnection}
_ABOUT: Final = "Wait until the service at URL takes requests. Nothing is sent to its processor."
_EPILOG: Final = """\
example:
  eas-host --entry app.py &
  eas-host wait && curl -d 'hello' http://127.0.0.1:8080/

Exit codes: 0 it takes requests, 1 it did not in that time, 2 a wrong argument.
"""


def run(argv: Sequence[str]) -> int:
    """
    Wait as *argv* says.

    Raises:
        ConfigError: an argument is wrong.
    """
    args = _parser().parse_args(argv)
    try:
        seconds = option_types.seconds(args.timeout)
    except ValueError as error:
        raise ConfigError(f"--timeout: {args.timeout!r}: {error}") from error
    url = args.url or _default_url()
    connection = _connection(url)
    deadline = time.monotonic() + seconds
    while (reason := _probe(connection)) is not None:
        if time.monotonic() >= deadline:
            log.print_error(f"eas-host: {url}: takes no requests after {seconds:g} s: {reason}")
            return 1
        time.sleep(_INTERVAL)
    return 0


def _default_url() -> str:
    """
    Return the URL of a host of this machine that is told nothing else.

    Raises:
        ConfigError: EAS_HOST_LISTEN is no address.
    """
    from eas_host.config.resolution import resolve_options  # noqa: PLC0415  a URL needs none of the options

    address = resolve_options({}).config.listen
    host = _ANY.get(address.host, address.host)
    return f"http://{address._replace(host=host).authority}/"


def _connection(url: str) -> HTTPConnection:
    """
    Make a connection to the host of *url*. It connects when it is used.
    """
    expected = f"{url}: is no URL of a service; expected http://HOST:PORT/, whatever its path"
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in _CONNECTIONS:
            return _CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=_TRY_SECONDS)
    except ValueError as error:
        raise ConfigError(expected) from error
    raise ConfigError(expected)


def _probe(connection: HTTPConnection) -> str | None:
    """
    Ask once whether the service takes requests. Returns why it does not, or None.
    """
    try:
        connection.request("GET", _PROBE)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status == _OK else f"it answers {status}"


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="eas-host wait",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="http://HOST:PORT/; what follows the port does not matter; default: where eas-host listens by default, "
        "http://127.0.0.1:8080/, or what EAS_HOST_LISTEN says",
    )
    parser.add_argument("--timeout", metavar="S", default="30", help="for so many seconds at most [30]")
    return parser
