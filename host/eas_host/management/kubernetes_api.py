"""
The few calls to a cluster that the commands make, as an interface. Objects are dicts, as JSON has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from eas_host.errors import ClusterError

FIELD_MANAGER: Final = "eas-host"
"""Who owns the fields of what is applied. The names of all managers of ours begin with it."""
SCALING_MANAGER: Final = "eas-host-scaling"
"""
Who owns the number of pods, beside the one above. So it stays as it is when a version with `autoscaler` comes, in which
the Deployment has none: without an owner it would become 1.
"""
RELEASE_MANAGER: Final = "eas-host-release"
"""Who owns the shares of a service and its new version, beside the owner of all else."""


class KubernetesApi(Protocol):
    """
    A namespace of a cluster. Each method raises `ClusterError` if the cluster cannot be asked, or refuses.

    Attributes:
        namespace: its name.
    """

    namespace: str

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """
        Return an object; None if there is none of that *name*.
        """

    def find(self, kind: str, labels: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """
        Return all objects of a kind with these *labels*; none where the cluster does not know the kind, as without the
        Gateway API.
        """

    def apply(
        self, thing: Mapping[str, Any], manager: str = FIELD_MANAGER, *, dry_run: bool = False, force: bool = True
    ) -> None:
        """
        Have *thing* be in the cluster as it is here; fields that *manager* owned and that are missing are removed.
        *dry_run*: only check whether that can be done. *force*: also fields that others have set otherwise.

        Raises:
            ObjectExists: it has changed since its `resourceVersion`, if *thing* has one; or, without *force*, others
                have set a field otherwise.
        """

    def create(self, thing: Mapping[str, Any]) -> None:
        """
        Make an object.

        Raises:
            ObjectExists: there is one of that name.
        """

    def delete(self, kind: str, name: str) -> None:
        """
        Delete an object, if it is there; what belongs to it follows.
        """

    def log(
        self, pod: str, container: str, lines: int, *, previous: bool = False, since: int | None = None
    ) -> list[str]:
        """
        Return the last *lines* that a container printed; *previous*: before its last restart; *since*: those of so many
        seconds only.
        """

    def follow_log(self, pod: str, container: str, lines: int) -> Iterator[str]:
        """
        Yield the last *lines* of a container, and all that follow.
        """

    def ask_pod(self, pod: str, port: int, path: str, headers: Mapping[str, str]) -> str:
        """
        Return what a pod answers to a GET of *path* on a *port*, which the cluster passes on to it, without the header
        Authorization.
        """


class NoSuchObject(ClusterError):
    """
    There is no object of that name, or no such kind.
    """


class NotAllowed(ClusterError):
    """
    Who asks may not do that, or is not known.
    """


class ObjectExists(ClusterError):
    """
    There is an object of that name, or it was changed at the same moment.
    """
