"""
What the commands that load a processor without serving it have in common: their TARGET.

That is a service description, a folder that has one, or a processor by itself: a .so, a .jar, a folder of jars or a
.py file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eas_host import log
from eas_host.cli.description_command import DEFAULT_FILE, DescriptionCommand, make_command_parser
from eas_host.config.option_parser import OptionParser, parse_args
from eas_host.config.resolution import resolve_options
from eas_host.deploy.deployment import Deployment
from eas_host.errors import ConfigError


def make_target_parser(name: str, about: str, epilog: str) -> OptionParser:
    """
    Make the parser of a command on a target. It accepts the target, `-D` and all options.
    """
    file_help = "a .so, a .jar, a folder of jars, a .py or a service.json; default: the service.json in this folder"
    return make_command_parser(name, about, epilog, "TARGET", file_help)


def prepare(parser: OptionParser, argv: Sequence[str], defaults: Mapping[str, Any]) -> Deployment:
    """
    Make the deployment of the target that *argv* names. *defaults* replace defaults of `HostConfig`.

    Raises:
        HostError: an argument or the description is wrong, or the target cannot be used.
    """
    args = parse_args(parser, argv)
    named = args.get("file")
    if named is None or is_description(Path(named)):
        return DescriptionCommand(parser, argv, defaults).read_and_prepare()
    check_names_processor(args)
    config = resolve_options({**args, "entry": named}, defaults=defaults).config
    log.configure(config.log_level, config.log_format)
    # Imported late, so that a wrong flag is reported without loading what runs processors.
    from eas_host.deploy.from_options import prepare_from_options  # noqa: PLC0415

    return prepare_from_options(config)


def check_names_processor(args: Mapping[str, Any]) -> None:
    """
    Check that *args*, whose target is a processor, name no other one and nothing of a service.json.

    Raises:
        ConfigError: they do.
    """
    named = args["file"]
    if "entry" in args:
        raise ConfigError(f"--entry {args['entry']}: {named} names the processor already; give one of them")
    if "overrides" in args:
        raise ConfigError(f"-D {args['overrides'][0]}: overrides a field of a service.json, and {named} is none")


def description_folder(named: str | None) -> Path | None:
    """
    Return the folder of the description that the target *named* is; None if it is a processor by itself.
    """
    path = Path(named or DEFAULT_FILE)
    if not is_description(path):
        return None
    return path if path.is_dir() else path.parent


def is_description(path: Path) -> bool:
    """
    Tell whether *path* is a service description, or a folder that has one.
    """
    return path.suffix == ".json" or (path / DEFAULT_FILE).is_file()
