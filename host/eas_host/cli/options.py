"""
The command line of `eas-host` without a command: what to serve, and how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eas_host import __version__
from eas_host.cli import detach
from eas_host.cli.target import make_target_parser
from eas_host.config import HostConfig
from eas_host.config.option_parser import OptionParser, parse_args
from eas_host.config.resolution import resolve_options

_EXAMPLES: Final = """\
examples:
  eas-host app.py --port 9000
  eas-host libecho.so --model-entry ./model/ --reload

commands, each with a --help of its own:
  serve, test           run a service: on --listen; on a free port, with the lines of `eascmd test`
  invoke                call the processor once, without serving it
  debug                 the same under gdb, jdb or pdb, stopped where the call begins
  check                 say what is wrong with a processor, without loading it
  load                  measure requests per second and times under load; advise worker threads and processes
  desc                  say what would run, and where each value comes from
  wait                  wait until a service takes requests
  create, list, modify, token, scale, stop, start, restart, version, versions, showworkers, deleteworkers, logs, events,
  delete, manifest      services in a Kubernetes cluster
  init, pack, pysdk     start a new processor; pack one
  image, upload         build a container image of the host, or of a service; put files into a bucket
  schema, completion    print the JSON Schema of descriptions; what a shell needs to complete command lines

without a TARGET:
  eas-host --include    print where the C header is; --cflags: all that a compiler needs for a processor in C++
"""
_NOTES: Final = """\
Each option can also be given in the environment: EAS_HOST_LISTEN for --listen, and so on. A flag wins. What follows --
are the arguments of a Python program, in its sys.argv: eas-host app.py -- --func_name base

more examples:
  eas-host echo.jar --mainclass com.example.Echo
  eas-host app.py:Classifier --host 0.0.0.0 --workers 4
  eas-host service.json -D metadata.rpc.keepalive=60000
  eas-host https://example.com/echo.tar.gz
"""
_CODES: Final = """\
Exit codes: 0 a clean stop, 2 a wrong option, 3 the processor cannot be loaded, 4 the address cannot be bound,
130 ended at once by Ctrl+C.
"""


def make_host_parser() -> OptionParser:
    """
    Make the parser of `eas-host` without a command.
    """
    about = "Run, debug and serve a PAI-EAS custom processor: a .so, a .jar or a .py file, or a service of them."
    parser = make_target_parser("", about, _EXAMPLES, _NOTES, _CODES)
    parser.usage = "%(prog)s TARGET [options] [-- ARGUMENT ...]\n       %(prog)s COMMAND ..."
    detach.add_option(parser)
    parser.add_argument("-V", "--version", action="version", version=f"eas-host {__version__}", help="show the version")
    return parser


def read_config(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> HostConfig:
    """
    Read the options in *argv*, which does not include the program's name, and in *environ*, by default that of the
    process.

    Raises:
        ConfigError: with one line that names the flag or variable, what was found and what is expected.
    """
    return resolve_options(parse_args(make_host_parser(), argv), environ).config
