"""
Options that override a description: `--entry`, `--model-entry` and the like replace what the file says.

They apply to one processor and its model, so a description with several models does not accept them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from eas_host.config import HostConfig, ResolvedConfig
from eas_host.description import Description, Model, Processor
from eas_host.errors import ConfigError
from eas_host.make_spec import check_isolation, guess_type, split_class

SINGLE_PROCESSOR_OPTIONS: Final = (
    "entry",
    "processor_type",
    "mainclass",
    "classpath",
    "jvm_options",
    "model_entry",
    "model_config",
)
"""Options that apply to one processor or its model."""


def apply_overrides(description: Description, resolved: ResolvedConfig) -> Description:
    """
    Return *description* with the options that the user has set in place of what it says.

    Raises:
        ConfigError: an option cannot be combined with this description.
    """
    explicit = [name for name in SINGLE_PROCESSOR_OPTIONS if name in resolved.sources]
    if len(description.models) > 1:
        if explicit:
            names = ", ".join(model.name or model.where for model in description.models)
            raise ConfigError(
                f"{resolved.sources[explicit[0]]}: the description has several models ({names}), and the option does "
                "not say which one it is for; write it into the file, or use -D"
            )
        if resolved.config.isolation == "none":
            raise ConfigError(
                "--isolation none runs one processor, in the host's own process; the description has more"
            )
    check_isolation(resolved.config)
    model = description.models[0]
    if explicit:
        model = _override_model(model, resolved.config, frozenset(explicit))
    return replace(description, models=(model, *description.models[1:]))


def _override_model(model: Model, config: HostConfig, explicit: frozenset[str]) -> Model:
    values: dict[str, Any] = {"processor": _override_processor(model.processor, config, explicit)}
    if config.model_entry is not None and "model_entry" in explicit:
        values["entry"] = _from_working_directory(config.model_entry)
    if "model_config" in explicit:
        values["config"] = config.model_config
    return replace(model, **values)


def _override_processor(processor: Processor, config: HostConfig, explicit: frozenset[str]) -> Processor:
    values: dict[str, Any] = {}
    if config.entry is not None and "entry" in explicit:
        values |= {"entry": config.entry, "entry_key": ""}
        path, _ = split_class(config.entry)
        if os.path.exists(path):  # noqa: PTH110  stays text
            # A file on this machine replaces the whole package.
            place = Path(path).absolute()
            values |= {"path": str(place if place.is_dir() else place.parent)}
            values["entry"] = "" if place.is_dir() else place.name + config.entry[len(path) :]
        if Path(path).name != Path(split_class(processor.entry)[0]).name:
            values |= {"arguments": (), "arguments_key": ""}  # they were meant for the other program
        if guess_type(Path(path)) in ("cpp", "java"):
            values["python_version"] = ""  # the same
    if "processor_type" in explicit:
        values["type"] = config.processor_type
    if "mainclass" in explicit:
        values["mainclass"] = config.mainclass
    if "jvm_options" in explicit:
        values["jvm_options"] = config.jvm_options
    return replace(processor, **values)


def _from_working_directory(path: str) -> str:
    """
    Make *path* absolute if it exists in the working directory; otherwise it is a path in the model.
    """
    slash = "/" if path.endswith("/") else ""
    return str(Path(path).absolute()) + slash if os.path.exists(path) else path  # noqa: PTH110  stays text
