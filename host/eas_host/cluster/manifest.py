"""
The objects of a service, in the order in which they are applied: what a pod needs comes before it.
"""

from __future__ import annotations

from typing import Any, Final

from eas_host.cluster import configuration, rollout, traffic
from eas_host.cluster.cluster_service import ClusterService
from eas_host.errors import ConfigError

_LARGEST_CONFIG_MAP: Final = 2**20
"""Bytes: Kubernetes stores no more in one."""


def make_objects(service: ClusterService) -> list[dict[str, Any]]:
    """
    Make all objects of *service*.

    Raises:
        ConfigError: Kubernetes would not take one of them.
    """
    size = len(service.text.encode())
    if size > _LARGEST_CONFIG_MAP:
        raise ConfigError(
            f"the description has {size} bytes as the pods get it, and a ConfigMap takes {_LARGEST_CONFIG_MAP}; put a"
            " large model_config into a file of the model"
        )
    objects = [configuration.service_account(service), configuration.config_map(service)]
    if service.token is not None:
        objects.append(configuration.secret(service))
    objects += [traffic.cluster_ip(service), rollout.deployment(service), rollout.disruption_budget(service)]
    if service.settings.autoscaling is not None:
        objects.append(rollout.autoscaler(service, service.settings.autoscaling))
    if service.gateway and not service.names.released:  # a new version shares the route of the old one
        objects.append(traffic.route(service))
    if service.isolated:
        objects.append(traffic.network_policy(service))
    return objects
