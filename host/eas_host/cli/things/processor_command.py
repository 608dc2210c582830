"""
What the commands do with a processor that is named by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas_host.cli.things import unusable
from eas_host.cli.things.description_command import with_reload_folders
from eas_host.cli.things.thing import Thing
from eas_host.config import ResolvedConfig
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError
from eas_host.make_spec import split_class

if TYPE_CHECKING:
    from eas_host.deploy.deployment import Deployment, Prepare
    from eas_host.description import Description


class ProcessorCommand:
    """
    The command line of a command on a processor. It makes a deployment of that, again and again as its files change.

    Args:
        args: the arguments of the command.
        thing: the processor; None if `--entry` or its variable names it.
        defaults: replace defaults of `HostConfig`.

    Attributes:
        args: the arguments.
        shown_file: None: there is no description.

    Raises:
        ConfigError: an argument is wrong.
    """

    def __init__(self, args: Mapping[str, Any], thing: Thing | None, defaults: Mapping[str, Any]) -> None:
        self.args = args
        self.shown_file: str | None = None
        self._thing = thing
        self._defaults = defaults
        check_names_processor(args)
        if thing is None:
            _check_entry(self._resolve().config.entry or "")

    def read(self) -> tuple[Description, ResolvedConfig]:
        """
        Return the options, and the description that would say the same.
        """
        from eas_host.description import Description, Model, Processor  # noqa: PLC0415  only `desc` needs it

        resolved = self._resolve()
        config = resolved.config
        processor = Processor(
            entry=config.entry or "",
            type=config.processor_type,
            mainclass=config.mainclass,
            jvm_options=config.jvm_options,
        )
        model = Model(entry=config.model_entry, config=config.model_config, processor=processor)
        return Description(file=Path(config.entry or "").absolute(), models=(model,)), resolved

    def prepare(self, _: Description, resolved: ResolvedConfig) -> Deployment:
        """
        Make the deployment that *resolved* describes.

        Raises:
            HostError: it cannot be served.
        """
        from eas_host.deploy.from_options import prepare_from_options  # noqa: PLC0415  a wrong option does not wait

        return with_reload_folders(prepare_from_options(resolved.config))

    def read_and_prepare(self) -> Deployment:
        """
        Make the deployment of what the files are now.

        Raises:
            HostError: it cannot be served.
        """
        from eas_host.deploy.from_options import prepare_from_options  # noqa: PLC0415  as above

        return with_reload_folders(prepare_from_options(self._resolve().config))

    def read_first(self) -> Prepare:
        """
        Return what makes the deployment: there is nothing to read before.
        """
        return self.read_and_prepare

    def _resolve(self) -> ResolvedConfig:
        if self._thing is None:
            return resolve_options(self.args, defaults=self._defaults)
        defaults = {**self._defaults, "processor_type": self._thing.processor_type}
        resolved = resolve_options({**self.args, "entry": self._thing.place}, defaults=defaults)
        resolved.sources["entry"] = "TARGET"
        return resolved


def _check_entry(entry: str) -> None:
    """
    Check that *entry*, the value of `--entry`, is no source code and no description.

    Raises:
        ConfigError: it is.
    """
    path = Path(split_class(entry)[0])
    if not path.is_file():
        return
    if (source := unusable.source(entry, path)) is not None:
        raise source
    if path.suffix == ".json":
        raise ConfigError(f"--entry {entry}: is a description; name it without --entry: eas-host {entry}")


def check_names_processor(args: Mapping[str, Any]) -> None:
    """
    Check that *args*, whose target is a processor, name no other one and nothing of a service.json.

    Raises:
        ConfigError: they do.
    """
    named = args.get("file", args.get("entry", "the processor"))
    if "entry" in args and "file" in args:
        raise ConfigError(f"--entry {args['entry']}: {named} names the processor already; give one of them")
    if "overrides" in args:
        raise ConfigError(f"-D {args['overrides'][0]}: overrides a field of a service.json, and {named} is none")
