"""
What the commands on a service description have in common: their arguments, and how they read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eas_host import log
from eas_host.config import ResolvedConfig
from eas_host.config.option_parser import OptionParser, make_parser, parse_args
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.deploy.deployment import Deployment
    from eas_host.description import Description

DEFAULT_FILE: Final = "service.json"


def make_command_parser(
    name: str,
    about: str,
    epilog: str,
    metavar: str = DEFAULT_FILE,
    file_help: str = "the description, or its folder; default: the one in the working directory",
) -> OptionParser:
    """
    Make the parser of a command on a description. It accepts the file, which *metavar* stands for and *file_help*
    explains, `-D` and all options.
    """
    parser = make_parser(f"eas-host {name}", about, epilog)
    parser.add_argument("file", nargs="?", metavar=metavar, help=file_help)
    parser.add_argument(
        "-D", dest="overrides", action="append", metavar="KEY=VALUE", help="override a field; may be repeated"
    )
    return parser


class DescriptionCommand:
    """
    The command line of a command on a description. It makes a deployment of what the description says, again and again
    as the file changes.

    Args:
        parser: from `make_command_parser`.
        argv: the arguments of the command.
        defaults: replace defaults of `HostConfig`.

    Attributes:
        args: the arguments, by their names.
        config: the options, without what the description says.

    Raises:
        ConfigError: an argument is wrong, or there is no description.
    """

    def __init__(self, parser: OptionParser, argv: Sequence[str], defaults: Mapping[str, Any] | None = None) -> None:
        # Imported late, as below: a processor that is named by itself has no description, and needs none of it.
        from eas_host.deploy.workspace.external_links import ExternalLinks  # noqa: PLC0415

        self.args = parse_args(parser, argv)
        self._defaults = defaults or {}
        self.config = resolve_options(self.args).config
        log.configure(self.config.log_level, self.config.log_format)
        self._file = _description_file(self.args.get("file"))
        self._links = ExternalLinks()
        self._logged_notes: tuple[str, ...] = ()

    def read(self) -> tuple[Description, ResolvedConfig]:
        """
        Read the description, resolve the options with what it says, and log its notes if they are new.

        Raises:
            ConfigError: the description is wrong.
        """
        from eas_host.description import read  # noqa: PLC0415  see above

        description = read(self._file, self.args.get("overrides", ()))
        if description.notes != self._logged_notes:
            self._logged_notes = description.notes
            for note in description.notes:
                log.info("%s", note)
        return description, resolve_options(self.args, described=description.options, defaults=self._defaults)

    def prepare(self, description: Description, resolved: ResolvedConfig) -> Deployment:
        """
        Make the deployment of a *description* with its options, which `read` returned.

        Raises:
            HostError: it cannot be served.
        """
        from eas_host.deploy.from_description import prepare_from_description  # noqa: PLC0415  see above

        overrides = [word for override in self.args.get("overrides", ()) for word in ("-D", override)]
        deployment = prepare_from_description(description, resolved, self._links)
        return replace(deployment, target=(str(self._file.absolute()), *overrides))

    def read_and_prepare(self) -> Deployment:
        """
        Make the deployment of what the file says now.

        Raises:
            HostError: it cannot be served.
        """
        return self.prepare(*self.read())


def _description_file(named: str | None) -> Path:
    path = Path(named or DEFAULT_FILE)
    if (path / DEFAULT_FILE).is_file():
        return path / DEFAULT_FILE
    if named is None and not path.is_file():
        raise ConfigError(
            f"there is no {DEFAULT_FILE} in {Path.cwd()}; name the service description (`eas-host init` makes one)"
        )
    return path
