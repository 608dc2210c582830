"""
The command line of `eas-host` without a command: flags say which processor to serve, and how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eas_host import __version__
from eas_host.cli import detach
from eas_host.config import HostConfig
from eas_host.config.option_parser import make_parser, parse_args
from eas_host.config.resolution import resolve_options

_EPILOG: Final = """\
examples:
  eas-host --processor-type cpp    --entry libecho.so --model-entry ./model/
  eas-host --processor-type java   --entry echo.jar --mainclass com.example.Echo
  eas-host --processor-type python --entry app.py --listen 127.0.0.1:0
  eas-host --entry app.py -- --func_name base     arguments of a Python program, in its sys.argv

commands, each with a --help of its own:
  eas-host test service.json      run a service from its description, on a free port
  eas-host serve service.json     run it on --listen
  eas-host invoke FILE -d TEXT    call the processor once, without serving it; FILE may be a service.json
  eas-host debug FILE -d TEXT     the same under gdb, jdb or pdb, stopped where the call begins
  eas-host load URL|FILE          measure requests per second and times under load; advise worker threads and processes
  eas-host check FILE             say what is wrong with a processor, without loading it
  eas-host desc service.json      say what would run, and where each value comes from
  eas-host schema                 print the JSON Schema of descriptions
  eas-host init, pack, pysdk      start a new processor, or pack one
  eas-host wait [URL]             wait until the service there takes requests

Each option can also be given in the environment: EAS_HOST_LISTEN for --listen, and so on.
Exit codes: 0 a clean stop, 2 a wrong option, 3 the processor cannot be loaded, 4 the address cannot be bound,
130 ended at once by Ctrl+C.
"""


def read_config(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> HostConfig:
    """
    Read the options in *argv*, which does not include the program's name, and in *environ*, by default that of the
    process.

    Raises:
        ConfigError: with one line that names the flag or variable, what was found and what is expected.
    """
    return read_command_line(argv, environ)[0]


def read_command_line(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[HostConfig, bool]:
    """
    Read the options as `read_config` does, and tell whether the host is to serve in the background.

    Raises:
        ConfigError: as `read_config`.
    """
    parser = make_parser(
        "eas-host", "Run, debug and serve a PAI-EAS custom processor: a .so, a .jar or a .py file.", _EPILOG
    )
    parser.add_argument("--version", action="version", version=f"eas-host {__version__}")
    detach.add_option(parser)
    args = parse_args(parser, argv)
    return resolve_options(args, environ).config, "detach" in args
