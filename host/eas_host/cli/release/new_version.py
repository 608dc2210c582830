"""
What `eas-host create` does for a description with `metadata.release`: a new version beside the service of that name.

Clients call both at one path with one token, through one Gateway. So the new version takes over the token and the
Gateway of the old one, and the older tokens that a rotation has left; all else is as its own description and options
say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eas_host.cli.services.modify import stored_revision
from eas_host.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from eas_host.cluster.cluster_service import ClusterService
    from eas_host.management.kubernetes_api import KubernetesApi


def join(api: KubernetesApi, service: ClusterService, args: Mapping[str, Any]) -> ClusterService:
    """
    Return *service*, a new version, with what it shares with the old one.

    Raises:
        ClusterError: there is no old one, or it has no route whose requests could be shared.
        ConfigError: *args* name another token.
    """
    from eas_host.management.release.service_pair import find_route  # noqa: PLC0415  see `cluster_parser.connect`
    from eas_host.management.stored_service import get_service  # noqa: PLC0415
    from eas_host.management.token_secret import stored_tokens  # noqa: PLC0415

    old = get_service(api, service.names.released)
    revision = stored_revision(api, old, old.version)
    if find_route(api, old.base) is None:
        raise ClusterError(
            f"{old.name}: it has no HTTPRoute, whose requests a new version could get; make one with `eas-host modify"
            f" {old.name} --gateway NAME`"
        )
    stored = stored_tokens(api, old) if old.secret else None
    token, older = (stored.token, stored.older) if stored is not None else (None, ())
    if "token" in args and service.token != token:
        raise ConfigError(
            f"--token: is another one than that of {old.name}, and both versions have the same clients; leave it out"
        )
    return replace(service, token=token, older_tokens=older, gateway=revision.options.get("gateway", ""))
