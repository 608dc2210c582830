"""
Reads the values of keys that only the cloud supports, one by one, and remembers which were read: the others have no
effect in a cluster either, and are named. All mistakes are reported at once, as the reader of descriptions does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from eas_host.description import Description
from eas_host.description.keys.unsupported_keys import (
    ACCESS,
    CPUS,
    CUDA,
    IMAGE,
    INSTANCES,
    LABEL,
    MACHINE,
    PLATFORM,
    ROLLOUT,
    STORAGE,
    TRAFFIC,
)
from eas_host.errors import ConfigError

T = TypeVar("T")

_REASONS: Final = {
    ACCESS: "the host has no setting for it; a Secret has what OSS is reached with",
    CUDA: "CUDA is used as the image has it",
    IMAGE: "the pods run the image of --image",
    LABEL: "nothing in a cluster reads it, or it cannot be a label there",
    STORAGE: "only oss, nfs and empty_dir are supported in a cluster",
    TRAFFIC: "traffic between clients and pods is the business of the cluster's gateway",
    **dict.fromkeys((CPUS, INSTANCES, MACHINE, PLATFORM, ROLLOUT), "only EAS's own cloud has that"),
}
"""Why a key has no effect in a cluster, by why it has none on this machine. The other reasons hold for both."""


class CloudValues:
    """
    The cloud values of *description*.
    """

    def __init__(self, description: Description) -> None:
        self._description = description
        self._values = description.cloud_values
        self._read: set[str] = set()
        self._mistakes: list[str] = []

    def read(self, label: str, reader: Callable[[Any], T], default: T) -> T:
        """
        Read the value of the key *label*. *reader* raises ValueError for one that does not fit, and says what it is and
        what is expected.
        """
        if label not in self._values:
            return default
        self._read.add(label)
        try:
            return reader(self._values[label].value)
        except ValueError as error:
            self.add_mistake(label, str(error))
            return default

    def has(self, label: str) -> bool:
        """
        Tell whether something is requested with *label*, or with a key in it.
        """
        return any(not one.harmless for name, one in self._values.items() if name == label) or bool(self.below(label))

    def names(self, label: str) -> bool:
        """
        Tell whether *label* is there at all, be it an empty object.
        """
        return label in self._values or any(name.startswith(f"{label}.") for name in self._values)

    def below(self, label: str) -> dict[str, Any]:
        """
        The values in the object *label* with which something is requested, by their names in it.
        """
        start = f"{label}."
        return {
            name[len(start) :]: one.value
            for name, one in self._values.items()
            if name.startswith(start) and not one.harmless
        }

    def mark_read(self, label: str) -> None:
        """
        Have *label* not be named as ignored.
        """
        self._read.add(label)

    def add_mistake(self, label: str, text: str) -> None:
        """
        Report at *label* what is wrong.
        """
        origins = self._description.origins
        position = origins.get(label) or next((origins[one] for one in origins if one.startswith(f"{label}.")), "")
        self._mistakes.append(f"{position or self._description.file.name}: {label}: {text}")

    def check(self) -> None:
        """
        Report the mistakes.

        Raises:
            ConfigError: there are some. A single one is its message; of several, each is a line of its detail.
        """
        if len(self._mistakes) == 1:
            raise ConfigError(self._mistakes[0])
        if self._mistakes:
            name = self._description.file.name
            raise ConfigError(f"{name} has {len(self._mistakes)} mistakes", "\n".join(self._mistakes))

    def notes(self) -> Iterator[str]:
        """
        What was not read, one line for each reason.
        """
        labels: dict[str, list[str]] = {}
        for label, one in self._values.items():
            if label not in self._read and not one.harmless:
                labels.setdefault(_REASONS.get(one.reason, one.reason), []).append(label)
        for reason, names in labels.items():
            yield f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} ignored: {reason}"
