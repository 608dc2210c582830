"""
Flags over a description: `--entry`, `--model-entry` and the like replace what the file says.

They speak of one processor and its model. Where a description has several, it cannot be told which is meant.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from eas_host.config import HostConfig, ResolvedConfig
from eas_host.config.worker_spec import check_isolation, split_class
from eas_host.description import Description, Model, Processor
from eas_host.errors import ConfigError

OF_ONE: Final = (
    "entry",
    "processor_type",
    "mainclass",
    "classpath",
    "jvm_options",
    "model_entry",
    "model_config",
)
"""Options that speak of one processor or its model."""


def overlay(description: Description, reading: ResolvedConfig) -> Description:
    """
    Put what was given by hand over *description*.

    Raises:
        ConfigError: that cannot be.
    """
    given = [name for name in OF_ONE if name in reading.sources]
    if len(description.models) > 1:
        if given:
            names = ", ".join(model.name or model.where for model in description.models)
            raise ConfigError(
                f"{reading.sources[given[0]]}: the description has several models ({names}), and it cannot be told "
                "which is meant; write it into the file, or use -D"
            )
        if reading.config.isolation == "none":
            raise ConfigError("--isolation none has one processor, in the host's own process; the description has more")
    check_isolation(reading.config)
    model = description.models[0]
    if given:
        model = _model(model, reading.config, frozenset(given))
    return replace(description, models=(model, *description.models[1:]))


def _model(model: Model, config: HostConfig, given: frozenset[str]) -> Model:
    values: dict[str, Any] = {"processor": _processor(model.processor, config, given)}
    if config.model_entry is not None and "model_entry" in given:
        values["entry"] = _here(config.model_entry)
    if "model_config" in given:
        values["config"] = config.model_config
    return replace(model, **values)


def _processor(processor: Processor, config: HostConfig, given: frozenset[str]) -> Processor:
    values: dict[str, Any] = {}
    if config.entry is not None and "entry" in given:
        values |= {"entry": config.entry, "entry_key": ""}
        path, _ = split_class(config.entry)
        if os.path.exists(path):  # noqa: PTH110  stays text
            # A file of this machine takes the place of the whole package.
            place = Path(path).absolute()
            values |= {"path": str(place if place.is_dir() else place.parent)}
            values["entry"] = "" if place.is_dir() else place.name + config.entry[len(path) :]
        if Path(path).name != Path(split_class(processor.entry)[0]).name:
            values |= {"arguments": (), "arguments_key": ""}  # those of another program
    if "processor_type" in given:
        values["type"] = config.processor_type
    if "mainclass" in given:
        values["mainclass"] = config.mainclass
    if "jvm_options" in given:
        values["jvm_options"] = config.jvm_options
    return replace(processor, **values)


def _here(path: str) -> str:
    """
    *path* from the working directory, if it leads somewhere; else as it is, a path in the model.
    """
    slash = "/" if path.endswith("/") else ""
    return str(Path(path).absolute()) + slash if os.path.exists(path) else path  # noqa: PTH110  stays text
