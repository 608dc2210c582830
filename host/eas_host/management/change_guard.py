"""
Two people who change a service at the same moment: the second one gets one clear line, and changes nothing.

Strategy: an object is applied with the `resourceVersion` that it had when it was last looked at, so the cluster refuses
if there was a change in between. Controllers write to objects all the time, though: to their status, and, with an
autoscaler, to the number of instances. So a refusal leads to another look, and only a change that matters to whoever
applies ends the command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from eas_host.errors import ClusterError
from eas_host.management.kubernetes_api import KubernetesApi, ObjectExists

_TRIES: Final = 20
"""More than enough for any pace of controllers: each try takes milliseconds."""


class ChangedMeanwhile(ClusterError):
    """
    Somebody else has changed the service since it was read.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: somebody else has changed it at the same moment, so nothing was changed here; look at it with"
            f" `eas-host desc {name}`, then try again"
        )


class ChangeGuard:
    """
    Changes an object of the service *name* only as long as all that matters in it is as a command has read it. *look*
    returns the object as it is now, and *is_same* tells whether that holds.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], Mapping[str, Any] | None],
        is_same: Callable[[Mapping[str, Any] | None], bool],
    ) -> None:
        self._name = name
        self._look = look
        self._is_same = is_same

    def check(self) -> Mapping[str, Any] | None:
        """
        Return the object as it is now.

        Raises:
            ChangedMeanwhile: somebody else has changed it.
        """
        there = self._look()
        if not self._is_same(there):
            raise ChangedMeanwhile(self._name)
        return there

    def claim(self, create: Callable[[], None]) -> None:
        """
        Have *create* make what only one can make.

        Raises:
            ChangedMeanwhile: somebody else has made it.
        """
        try:
            create()
        except ObjectExists as error:
            raise ChangedMeanwhile(self._name) from error

    def apply(self, api: KubernetesApi, thing: Mapping[str, Any]) -> None:
        """
        Apply *thing*, which is to replace the object.

        Raises:
            ChangedMeanwhile: somebody else has changed it.
            ClusterError: the cluster refuses.
        """
        for _ in range(_TRIES):
            there = self.check()
            version = {"resourceVersion": there["metadata"]["resourceVersion"]} if there is not None else {}
            try:
                api.apply({**thing, "metadata": {**thing["metadata"], **version}})
            except ObjectExists:
                continue
            return
        raise ChangedMeanwhile(self._name)
