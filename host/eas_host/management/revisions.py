"""
The versions of a service. Each is an immutable ConfigMap of its own, beside the one that the pods get: it has the
description as its author wrote it, with `metadata.instance` and all else that changes no pod, and the options of the
command line. The token is in none: it is in a Secret, whose name the version knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eas_host.cluster.names import ObjectNames, object_name
from eas_host.management.kubernetes_api import KubernetesApi
from eas_host.management.stored_service import labels_of

REVISION_LABEL: Final = "eas/revision"
"""The label of such a ConfigMap: the number of the version."""
KEPT: Final = 10
"""Versions that are kept, as many as a Deployment keeps of its own."""
VERSIONED: Final = ("ConfigMap", "Secret")
"""Kinds of which a version may have one that another one does not."""
_DESCRIPTION: Final = "service.json"
_OPTIONS: Final = "options.json"
_OBJECTS: Final = "objects.json"


@dataclass(frozen=True)
class Revision:
    """
    A version of a service.

    Attributes:
        number: 1, 2, ...
        text: the description, without the token.
        options: the options of the command line, by the names of their fields.
        objects: the names of its own ConfigMap and Secret, and of what not each version has, by their kind.
        created: when it was made, as Kubernetes has it; empty before.
    """

    number: int
    text: str
    options: Mapping[str, Any]
    objects: Mapping[str, str]
    created: str = field(default="", compare=False)


def read_revisions(api: KubernetesApi, service: str) -> list[Revision]:
    """
    Return all versions of the *service* that are kept, the oldest first.
    """
    found = api.find("ConfigMap", labels_of(object_name(service)))
    revisions = [_read(one) for one in found if REVISION_LABEL in one["metadata"].get("labels", {})]
    return sorted(revisions, key=lambda one: one.number)


def store_revision(api: KubernetesApi, names: ObjectNames, revision: Revision) -> None:
    """
    Add a version.

    Raises:
        ObjectExists: somebody else has added one of that number.
    """
    metadata: dict[str, Any] = names.metadata(revision_name(names.service, revision.number))
    metadata["labels"] = {**metadata["labels"], REVISION_LABEL: str(revision.number)}
    api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "immutable": True,
            "data": {
                _DESCRIPTION: revision.text,
                _OPTIONS: json.dumps(dict(revision.options)),
                _OBJECTS: json.dumps(dict(revision.objects)),
            },
        }
    )


def revision_name(service: str, number: int) -> str:
    """
    The name of the ConfigMap of a version.
    """
    return f"{object_name(service)}-v{number}"


def _read(thing: Mapping[str, Any]) -> Revision:
    data = thing["data"]
    return Revision(
        number=int(thing["metadata"]["labels"][REVISION_LABEL]),
        text=data[_DESCRIPTION],
        options=json.loads(data[_OPTIONS]),
        objects=json.loads(data[_OBJECTS]),
        created=thing["metadata"].get("creationTimestamp", ""),
    )
