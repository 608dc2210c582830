"""
A service and its new version, as a cluster has them, and how they share the requests.

The new version is a service of its own, which names the old one in an annotation. The HTTPRoute is that of the old one,
and its weights are the only place that says who gets how many requests: what `list` shows is what happens.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.names import new_version_name, object_name
from eas_host.cluster.traffic import route_seconds
from eas_host.errors import ClusterError
from eas_host.management.kubernetes_api import RELEASE_MANAGER, KubernetesApi, NotAllowed
from eas_host.management.release import route_share
from eas_host.management.stored_service import StoredService, find_service, get_service, labels_of

GROUPING: Final = "grouping"
"""The new version takes part in the route, if only with the weight 0."""
STANDALONE: Final = "standalone"
"""It does not; only who calls its own address reaches it."""
_LAST_WEIGHT: Final = "eas/weight"
"""The annotation of the new version with the weight that it was given last: it gets that one when it takes part."""


@dataclass(frozen=True)
class ServicePair:
    """
    The two.

    Attributes:
        old: the service whose name clients call, and whose route it is.
        new: its new version.
        route: the HTTPRoute, as the cluster has it.
    """

    old: StoredService
    new: StoredService
    route: Mapping[str, Any]

    @property
    def weight(self) -> int:
        """
        The percentage of the requests that the new version gets.
        """
        return route_share.weight_of(self.route, self.new.base) or 0

    @property
    def traffic(self) -> str:
        """
        Whether the new version takes part, in EAS's words.
        """
        return STANDALONE if route_share.weight_of(self.route, self.new.base) is None else GROUPING

    @property
    def last_weight(self) -> int:
        """
        The weight that the new version was given last, also if it takes no part now.
        """
        return int((self.new.deployment["metadata"].get("annotations") or {}).get(_LAST_WEIGHT, 0))

    def weight_of(self, name: str) -> int:
        """
        The percentage of the requests that one of them gets.
        """
        return self.weight if name == self.new.name else route_share.MOST - self.weight

    def describe(self) -> dict[str, str]:
        """
        What EAS tells of a service with another version beside it; the second is JSON in a text there, too.
        """
        both = {"blue_green_services": [self.old.name, self.new.name]}
        return {"TrafficState": self.traffic, "ExtraData": json.dumps(both, separators=(",", ":"))}


def find_pair(api: KubernetesApi, service: StoredService) -> ServicePair | None:
    """
    Return the pair to which *service* belongs, as the old or as the new version; None if it stands alone.

    Raises:
        NotAllowed: routes may not be listed.
    """
    other = find_other(api, service)
    if other is None:
        return None
    old, new = (other, service) if service.released else (service, other)
    route = find_route(api, old.base)
    return None if route is None else ServicePair(old, new, route)


def find_other(api: KubernetesApi, service: StoredService) -> StoredService | None:
    """
    Return the old version beside *service* if that is a new one, else its new version; None if it stands alone.
    """
    if service.released:
        return find_service(api, service.released)
    other = find_service(api, new_version_name(service.name))
    return other if other is not None and other.released else None


def get_pair(api: KubernetesApi, name: str) -> ServicePair:
    """
    Return the pair to which the service *name* belongs.

    Raises:
        ClusterError: there is none.
    """
    service = get_service(api, name)
    pair = find_pair(api, service)
    if pair is not None:
        return pair
    if service.released:
        raise ClusterError(
            f"{name}: it is a new version of {service.released}, of which there is no Deployment or no HTTPRoute;"
            f" `eas-host delete {name}` deletes it"
        )
    raise ClusterError(
        f"{name}: there is no new version beside it; `eas-host create FILE -D metadata.release=true` makes one, from a"
        f" file with the name {name}"
    )


def find_route(api: KubernetesApi, base: str) -> Mapping[str, Any] | None:
    """
    Return the HTTPRoute of a service whose objects are called *base*.
    """
    return next((one for one in api.find("HTTPRoute", labels_of(base)) if one["metadata"]["name"] == base), None)


def weights_of(api: KubernetesApi, services: Iterable[StoredService]) -> dict[str, int]:
    """
    Return the percentages of those of all *services* that have another version beside them, by their names. Who may not
    list routes sees none.
    """
    weights: dict[str, int] = {}
    for new in (one for one in services if one.released):
        try:
            pair = find_pair(api, new)
        except NotAllowed:
            return {}
        if pair is not None:
            weights |= {name: pair.weight_of(name) for name in (pair.old.name, pair.new.name)}
    return weights


def set_share(api: KubernetesApi, pair: ServicePair, weight: int, traffic: str) -> None:
    """
    Have the new version get *weight* percent of the requests, or none if *traffic* is STANDALONE.

    Raises:
        ObjectExists: somebody else has changed the route since *pair* was read.
    """
    part = weight if traffic == GROUPING else None
    _apply_rules(api, pair.route, route_share.share_rules(pair.route, pair.old.base, pair.new.base, part))
    metadata = {"name": pair.new.base, "annotations": {_LAST_WEIGHT: str(weight)}}
    api.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}, RELEASE_MANAGER)


def check_ready(pair: ServicePair, weight: int) -> None:
    """
    Check that whoever gets more requests with *weight* than now can answer them.

    Raises:
        ClusterError: it has no instance that takes requests.
    """
    gains = pair.new if weight > pair.weight else pair.old
    if weight != pair.weight and not gains.running:
        raise ClusterError(
            f"{gains.name}: it has no instance that takes requests, so it can get no more of them;"
            f" `eas-host desc {gains.name}` says why, and `eas-host release {pair.new.name} --traffic standalone` gives"
            f" all to {pair.old.name} whatever that is"
        )


def check_unused(api: KubernetesApi, service: StoredService) -> None:
    """
    Check that *service* may lose all of its instances.

    Raises:
        ClusterError: it has another version beside it, and gets a part of the requests.
    """
    try:
        pair = find_pair(api, service)
    except NotAllowed:
        return
    if pair is not None and (part := pair.weight_of(service.name)):
        rest = 0 if service.name == pair.new.name else route_share.MOST
        raise ClusterError(
            f"{service.name}: it gets {part} % of the requests to {pair.old.name}, which would fail; before, have the"
            f" other version get them with `eas-host release {pair.new.name} --weight {rest}`"
        )


def check_unshared(api: KubernetesApi, old: StoredService) -> None:
    """
    Check that no new version needs the route of *old*, which is to go.

    Raises:
        ClusterError: one does.
    """
    new = None if old.released else find_other(api, old)
    if new is not None:
        raise ClusterError(
            f"{old.name}: has a new version beside it, {new.name}, which shares its route; delete that one before, with"
            f" `eas-host delete {new.name}`"
        )


def keep_share(api: KubernetesApi, base: str, objects: Iterable[dict[str, Any]]) -> None:
    """
    Have the HTTPRoute among *objects*, which are to be applied, share the requests as the one in the cluster does.
    """
    for one in objects:
        if one["kind"] == "HTTPRoute" and (stored := find_route(api, base)) is not None:
            route_share.keep_share(one, stored)


def lengthen_route(api: KubernetesApi, service: ClusterService) -> None:
    """
    Have the route of the old version wait as long as *service* may take, if that is a new one.
    """
    released = service.names.released
    route = find_route(api, object_name(released)) if released else None
    if route is not None:
        rules: list[dict[str, Any]] = copy.deepcopy(route["spec"]["rules"])
        if any([route_share.lengthen(rule, route_seconds(service)) for rule in rules]):  # noqa: C419  each of them
            _apply_rules(api, route, rules)


def _apply_rules(api: KubernetesApi, route: Mapping[str, Any], rules: list[dict[str, Any]]) -> None:
    metadata = {"name": route["metadata"]["name"], "resourceVersion": route["metadata"]["resourceVersion"]}
    api.apply(
        {"apiVersion": route["apiVersion"], "kind": "HTTPRoute", "metadata": metadata, "spec": {"rules": rules}},
        RELEASE_MANAGER,
    )
