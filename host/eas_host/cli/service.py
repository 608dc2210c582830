"""
The commands `eas-host test` and `eas-host serve`: run what a service description says.

`test` stands for EASCMD's: a free port on this machine alone, and the lines that EASCMD prints
(docs/eas-compatibility.md, section 9). `serve` is the same with the defaults of a plain `eas-host`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from eas_host import log
from eas_host.cli.options import Parser, make_parser, parse, settle
from eas_host.config import ResolvedConfig
from eas_host.config.option_types import Address
from eas_host.deploy.deployment import Deployment
from eas_host.deploy.from_description import prepare_from_description
from eas_host.deploy.workspace.external_links import ExternalLinks
from eas_host.description import Description, read
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.service.host import Host

DEFAULT_FILE: Final = "service.json"
_FREE_PORT: Final[Mapping[str, Any]] = {"listen": Address("127.0.0.1", 0)}
_EVERYWHERE: Final = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::")  # noqa: S104  compared, not bound
_EPILOG: Final = """\
The description is EAS's service.json, comments and trailing commas included. processor_path, model_path and
warm_up_data_path may be local, http(s):// or oss:// (with the extra `oss`); downloads are kept in --cache.
-D overrides a field as `eascmd modify -D` does: -D metadata.rpc.keepalive=10000. A flag wins over its variable
(EAS_HOST_KEEPALIVE for --keepalive), that over -D and the file.

With one model, --entry, --processor-type, --mainclass, --classpath, --jvm-options, --model-entry and --model-config
replace what the file says. --entry and --model-entry are files of this machine, if there is one by that path; else
they are looked for in processor_path and model_path. Words behind -- replace the arguments that a Python program has
in containers[0].script or command.

examples:
{examples}
Exit codes: 0 a clean stop, 2 a wrong option or description, 3 something cannot be fetched, unpacked or loaded, 4 the
address cannot be bound.
"""
_TEST_EXAMPLES: Final = """\
  eas-host test                                             service.json in this folder
  eas-host test service.json --reload                       load again what changes
  eas-host test service.json -D metadata.rpc.keepalive=60000 -D token=s3cret
"""
_SERVE_EXAMPLES: Final = """\
  eas-host serve service.json --listen 0.0.0.0:8080 --token @token.txt
  eas-host serve service.json --workspace /home/admin/docker_ml/workspace
"""


def test(argv: Sequence[str]) -> int:
    """
    Run the command `test`.

    Raises:
        HostError: a word or the description is wrong, or it cannot be served.
    """
    about = "Run what a service description says, on a free port of this machine, and print what `eascmd test` prints."
    parser = make_command("test", about, _EPILOG.format(examples=_TEST_EXAMPLES))
    return _serve(Service(parser, argv, _FREE_PORT), announce=True)


def serve(argv: Sequence[str]) -> int:
    """
    Run the command `serve`.

    Raises:
        HostError: as for `test`.
    """
    about = "Run what a service description says, as `eas-host` runs what flags say."
    parser = make_command("serve", about, _EPILOG.format(examples=_SERVE_EXAMPLES))
    return _serve(Service(parser, argv), announce=False)


def make_command(name: str, about: str, epilog: str) -> Parser:
    """
    Make the parser of a command on a description; it takes the file, `-D` and all options.
    """
    parser = make_parser(f"eas-host {name}", about, epilog)
    parser.add_argument(
        "file", nargs="?", metavar="service.json", help="the description; default: the one in the working directory"
    )
    parser.add_argument(
        "-D", dest="overrides", action="append", metavar="KEY=VALUE", help="override a field; may be repeated"
    )
    return parser


class Service:
    """
    A description and the words around it, which make one version after another.

    Args:
        parser: from `make_command`.
        argv: the words.
        defaults: in place of the options' own.

    Raises:
        ConfigError: a word is wrong, or no description is named.
    """

    def __init__(self, parser: Parser, argv: Sequence[str], defaults: Mapping[str, Any] | None = None) -> None:
        self.words = parse(parser, argv)
        self._defaults = defaults or {}
        config = settle(self.words).config
        log.configure(config.log_level, config.log_format)
        self.file = _file(self.words.get("file"))
        self._links = ExternalLinks()
        self._notes: tuple[str, ...] = ()

    def read(self) -> tuple[Description, ResolvedConfig]:
        """
        Read the description, and settle the options over it.

        Raises:
            ConfigError: it is wrong.
        """
        description = read(self.file, self.words.get("overrides", ()))
        if description.notes != self._notes:
            self._notes = description.notes
            for note in description.notes:
                log.info("%s", note)
        return description, settle(self.words, described=description.options, defaults=self._defaults)

    def prepare(self) -> Deployment:
        """
        Make a version of what the description says now.

        Raises:
            HostError: it cannot be served.
        """
        return self.make(*self.read())

    def make(self, description: Description, reading: ResolvedConfig) -> Deployment:
        """
        Make a version of what was read.

        Raises:
            HostError: it cannot be served.
        """
        return prepare_from_description(description, reading, self._links)


def _serve(service: Service, *, announce: bool) -> int:
    described = service.read()
    # Imported late: a wrong description is told without loading the event loop and the native module.
    from eas_host.service.host import run  # noqa: PLC0415
    from eas_host.system import signals  # noqa: PLC0415

    signals.ignore_unused()  # a download may take long
    deployment = service.make(*described)
    try:
        return run(deployment, service.prepare, (lambda host: _announce(host, deployment)) if announce else None)
    finally:
        deployment.discard()  # a host that could not even be made has not done it


def _announce(host: Host, deployment: Deployment) -> None:
    """
    Print EASCMD's lines: where the service is, and its token.
    """
    config = deployment.config
    near = config.listen.host in _EVERYWHERE
    url = f"http://localhost:{host.port}/api/predict/{quote(deployment.name)}" if near else host.url
    for part in deployment.processors:
        model = f"/{quote(part.name)}" if part.name else ""
        log.announce(f"[OK] Serving at: [{url}{model}]")
    if config.token is not None and not config.generate_token:  # one that is made up is told by every start
        log.announce(f"[INFO] Token: [{config.token}]")


def _file(named: str | None) -> Path:
    path = Path(named or DEFAULT_FILE)
    if named is None and not path.is_file():
        raise ConfigError(
            f"there is no {DEFAULT_FILE} in {Path.cwd()}; name the service description (`eas-host init` makes one)"
        )
    return path
