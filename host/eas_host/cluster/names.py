"""
From the name of a service in EAS to names in Kubernetes.

EAS allows `_`, and eas-host any segment of a URL; Kubernetes allows what a DNS label allows. So the name of an object
is a slug of the service's name, with a short hash behind it wherever two services could otherwise get the same one:
where the slug is not the name itself, and where the name looks as if it had such a hash already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SERVICE_LABEL: Final = "eas/service"
"""The label, and the annotation, with the name of the service in EAS."""
INSTANCE_LABEL: Final = "app.kubernetes.io/instance"
"""The label by which the pods of a service are found."""
RELEASED: Final = "eas/release-of"
"""The annotation of a new version beside an old one (blue-green): the name of the old one."""
HASH_DIGITS: Final = 10
"""Digits of a hash in the name of an object: 40 bits, as many as a ReplicaSet's own has."""

_NEW_VERSION: Final = "_green"
"""Behind the name of a service: that of its new version. EAS makes one up, which scripts cannot know."""
_PREFIX: Final = "eas-"
"""Begins with a letter, as the name of a Service must."""
_LONGEST_SLUG: Final = 36
"""With the prefix and two hashes a name has 63 characters at most, the limit of a DNS label (RFC 1035)."""
_PLAIN: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HASHED: Final = re.compile(rf".*-[0-9a-f]{{{HASH_DIGITS}}}")
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_KEY: Final = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class ObjectNames:
    """
    What the objects of a service are called.

    Attributes:
        service: the name of the service in EAS.
        namespace: that of the objects; empty for the one of whoever applies them.
        extra_labels: labels that the description asks for.
        released: the service beside which this one is the new version; empty for none.
    """

    service: str
    namespace: str = ""
    extra_labels: tuple[tuple[str, str], ...] = ()
    released: str = ""

    @property
    def base(self) -> str:
        """
        The name of all objects of which there is one.
        """
        return object_name(self.service)

    @property
    def selector(self) -> dict[str, str]:
        """
        The labels that only pods of this service have.
        """
        return {INSTANCE_LABEL: self.base}

    @property
    def labels(self) -> dict[str, str]:
        """
        The labels of all objects. A name that cannot be the value of a label is replaced by that of the objects.
        """
        return {
            **dict(self.extra_labels),
            "app.kubernetes.io/name": "eas-host",
            **self.selector,
            "app.kubernetes.io/managed-by": "eas-host",
            SERVICE_LABEL: self.service if _LABEL_VALUE.fullmatch(self.service) else self.base,
        }

    def metadata(self, name: str = "") -> dict[str, object]:
        """
        The metadata of an object, by default with the name that all have.
        """
        return {
            "name": name or self.base,
            **({"namespace": self.namespace} if self.namespace else {}),
            "labels": self.labels,
            "annotations": {SERVICE_LABEL: self.service, **({RELEASED: self.released} if self.released else {})},
        }


def object_name(service: str) -> str:
    """
    Make a name for the objects of the *service*, which no other service has.
    """
    if len(service) <= _LONGEST_SLUG and _PLAIN.fullmatch(service) and not _HASHED.fullmatch(service):
        return _PREFIX + service
    slug = re.sub(r"[^a-z0-9]+", "-", service.lower())[:_LONGEST_SLUG].strip("-")
    return f"{_PREFIX}{slug}-{short_hash(service.encode())}" if slug else _PREFIX + short_hash(service.encode())


def new_version_name(service: str) -> str:
    """
    Return the name of the new version beside a *service*.
    """
    return service + _NEW_VERSION


def short_hash(content: bytes) -> str:
    """
    The hash of *content* for a name.
    """
    return hashlib.sha256(content).hexdigest()[:HASH_DIGITS]


def is_namespace(text: str) -> bool:
    """
    Tell whether *text* can be the name of a namespace, and of a Gateway.
    """
    return _NAMESPACE.fullmatch(text) is not None


def only_labels(values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """
    Those of *values* that can be labels and are not ours, in the order of their names.
    """
    ours = ObjectNames("x").labels
    return tuple(
        (key, str(value)) for key, value in sorted(values.items()) if key not in ours and _is_label(key, value)
    )


def _is_label(key: str, value: object) -> bool:
    if not isinstance(value, str) or not _LABEL_KEY.fullmatch(key):
        return False
    return value == "" or _LABEL_VALUE.fullmatch(value) is not None
