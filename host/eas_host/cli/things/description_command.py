"""
What the commands do with a service description or a package: read it, and make a deployment of what it says.

A package is what the description `{"processor_path": PACKAGE}` names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from eas_host import log
from eas_host.cli.things.thing import PACKAGE, Thing, is_url
from eas_host.config import HostConfig, ResolvedConfig
from eas_host.config.resolution import resolve_options
from eas_host.deploy.target_words import target_words
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.deploy.deployment import Deployment, Prepare
    from eas_host.description import Description, Model

_PACKAGE_ENDING: Final = r"(\.tar)?\.\w+$"
_ENTRY_KEY: Final = "--entry"
"""What names the processor in a package that has several, where no description does."""


class DescriptionCommand:
    """
    The command line of a command on a description or a package. It makes a deployment of what that says, again and
    again as the file changes.

    Args:
        args: the arguments of the command.
        thing: the description or the package.
        defaults: replace defaults of `HostConfig`.

    Attributes:
        args: the arguments.
        shown_file: the description as it may be shown; None for a package, which has none.

    Raises:
        ConfigError: an argument is wrong.
    """

    def __init__(self, args: Mapping[str, Any], thing: Thing, defaults: Mapping[str, Any]) -> None:
        # Imported late, as below: a processor that is named by itself has no description, and needs none of it.
        from eas_host.deploy.workspace.external_links import ExternalLinks  # noqa: PLC0415

        self.args = args
        self.shown_file = None if thing.kind == PACKAGE else _shown(thing)
        self._thing = thing
        self._defaults = defaults
        if thing.kind == PACKAGE and "overrides" in args:
            raise ConfigError(
                f"-D {args['overrides'][0]}: overrides a field of a service.json, and {_shown(thing)} is none"
            )
        self._links = ExternalLinks()
        self._logged_notes: tuple[str, ...] = ()

    def read(self) -> tuple[Description, ResolvedConfig]:
        """
        Read the description, resolve the options with what it says, and log its notes if they are new.

        Raises:
            HostError: the description is wrong, or cannot be fetched.
        """
        description = _describe_package(self._thing.place) if self._thing.kind == PACKAGE else self._read()
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

        words = [word for override in self.args.get("overrides", ()) for word in ("-D", override)]
        if self._thing.kind == PACKAGE:
            config = resolved.config
            words = [*(("--entry", config.entry) if config.entry else ()), *target_words(config)[1:]]
        deployment = prepare_from_description(description, resolved, self._links)
        return replace(deployment, target=(_shown(self._thing), *words))

    def read_and_prepare(self) -> Deployment:
        """
        Make the deployment of what the file says now.

        Raises:
            HostError: it cannot be served.
        """
        return with_reload_folders(self.prepare(*self.read()))

    def read_first(self) -> Prepare:
        """
        Read the description. Returns what makes the deployment of it, which may take long.

        Raises:
            HostError: the description is wrong, or cannot be fetched.
        """
        description, resolved = self.read()
        return lambda: with_reload_folders(self.prepare(description, resolved))

    def _read(self) -> Description:
        from eas_host.description import read  # noqa: PLC0415  see above

        overrides = self.args.get("overrides", ())
        place = self._thing.place
        if is_url(place):
            file = _fetch(place, resolve_options(self.args).config)
            return _with_absolute_urls(read(file, overrides), place)
        return read(Path(place), overrides)


def with_reload_folders(deployment: Deployment) -> Deployment:
    """
    Have a change in a folder of `--reload-dir` lead to a new version, too.
    """
    folders = deployment.config.reload_dir
    return replace(deployment, watched=(*deployment.watched, *map(Path, folders))) if folders else deployment


def _fetch(url: str, config: HostConfig) -> Path:
    """
    Download the description at *url*.
    """
    from eas_host import fetch  # noqa: PLC0415  see above
    from eas_host.deploy.workspace.workspace import cache_folder  # noqa: PLC0415

    return fetch.fetch_all({"description": url}, Path.cwd(), cache_folder(config), say=log.info)["description"]


def _with_absolute_urls(description: Description, url: str) -> Description:
    """
    Return *description*, which was read from *url*, with its relative paths as URLs: they start where it lies.
    """

    def absolute(text: str) -> str:
        return text if not text or "://" in text or text.startswith("/") else urljoin(url, text)

    def located(model: Model) -> Model:
        return replace(
            model,
            path=absolute(model.path),
            processor=replace(model.processor, path=absolute(model.processor.path)),
        )

    return replace(
        description,
        models=tuple(located(model) for model in description.models),
        warm_up=absolute(description.warm_up),
        storage=tuple(replace(mount, source=absolute(mount.source)) for mount in description.storage),
    )


def _describe_package(place: str) -> Description:
    """
    Make the description that names the package at *place*, and nothing else.
    """
    from eas_host.description import Description, Model, Processor  # noqa: PLC0415  see above
    from eas_host.fetch import urls  # noqa: PLC0415

    path = place if is_url(place) else str(Path(place).absolute())
    file = Path(urls.file_name(place)) if is_url(place) else Path(path)
    processor = Processor(path=path, entry_key=_ENTRY_KEY)
    return Description(file=file.absolute(), name=_stem(file.name), models=(Model(processor=processor),))


def _stem(name: str) -> str:
    """
    The name of a service whose package, a file or an archive, is called *name*.
    """
    stem = re.sub(_PACKAGE_ENDING, "", name)
    return (stem.removeprefix("lib") if stem != name and name.endswith(".so") else stem) or "processor"


def _shown(thing: Thing) -> str:
    """
    The place of *thing* as it may be shown.
    """
    if not is_url(thing.place):
        return str(Path(thing.place).absolute())
    from eas_host.fetch import urls  # noqa: PLC0415  see above

    return urls.without_credentials(thing.place)
