"""
What `eas-host delete` does for a new version beside an old one: it leaves the route before anything of it is deleted.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eas_host.management.console import Console
    from eas_host.management.kubernetes_api import KubernetesApi
    from eas_host.management.release.service_pair import ServicePair

_GATEWAY_SECONDS: Final = 5.0
"""How late a gateway may learn of a route: as much as a pod allows it when it ends (`cluster.pod`)."""


def pair_to_leave(api: KubernetesApi, name: str) -> ServicePair | None:
    """
    Return the pair whose new version is *name*; None if it stands alone, or is no more than what a deletion has left.

    Raises:
        ClusterError: it is the old version, whose route its new version needs; or a new one whose route may not be
            read, so nobody knows whether it gets requests.
    """
    from eas_host.management.kubernetes_api import NotAllowed  # noqa: PLC0415  see `cluster_parser.connect`
    from eas_host.management.release.service_pair import check_unshared, find_pair  # noqa: PLC0415
    from eas_host.management.stored_service import find_service  # noqa: PLC0415

    service = find_service(api, name)
    try:
        pair = find_pair(api, service) if service is not None else None
    except NotAllowed:  # to list routes
        if service is not None and service.released:
            raise
        return None  # who may not list them could not make a new version beside it either
    if pair is not None and pair.old.name == name:
        check_unshared(api, pair.old)
    return pair


def leave_route(api: KubernetesApi, pair: ServicePair, console: Console) -> None:
    """
    Have the old version get all requests of *pair*, and wait until gateways know.

    Raises:
        ClusterError: the old version has no instance that takes requests.
    """
    from eas_host.management.release.service_pair import (  # noqa: PLC0415  see `cluster_parser.connect`
        STANDALONE,
        check_ready,
        set_share,
    )

    if pair.traffic == STANDALONE:
        return
    check_ready(pair, 0)
    set_share(api, pair, 0, STANDALONE)
    if pair.weight:
        console.ok(f"Service [{pair.old.name}] gets all requests again")
        time.sleep(_GATEWAY_SECONDS)
