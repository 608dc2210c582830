"""
All that the objects of a service are made of.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from eas_host.cluster.cluster_settings import ClusterSettings
from eas_host.cluster.names import ObjectNames, short_hash
from eas_host.config.token_file import OlderToken

PORT: Final = 8080
"""Where the host of a pod listens."""
SECRET_KEYS: Final = ("token", "dockerAuth")
"""Keys of descriptions that neither a ConfigMap nor an image has, since more people may read those."""
HTTP: Final = "http"
"""The name of that port."""


@dataclass(frozen=True)
class ClusterService:
    """
    A service as a cluster is to run it.

    Attributes:
        names: what its objects are called.
        image: the image that its pods run.
        text: its description, as the pods get it: JSON without the token and without what only the cluster reads.
        token: what clients must send; None if everybody may call.
        settings: what the description says of instances, machines and rollouts.
        options: the words for options of the hosts, such as `--worker-processes=2`.
        keepalive: milliseconds that a request may take.
        grace_period: seconds that running requests get when a host stops.
        urls: the URLs that the pods fetch files from.
        mount_paths: where hosts make what they have fetched appear.
        installs: whether hosts install Python packages.
        gateway: the name of a Gateway, also NAMESPACE/NAME; empty for no route.
        isolated: whether a policy closes the network around the pods.
        older_tokens: what is accepted beside the token.
        keeps_tokens: whether the Secret of the service that runs keeps all tokens that it has, whatever is said here.
    """

    names: ObjectNames
    image: str
    text: str
    token: str | None
    settings: ClusterSettings
    options: tuple[str, ...]
    keepalive: int
    grace_period: float
    urls: tuple[str, ...]
    mount_paths: tuple[str, ...]
    installs: bool
    gateway: str
    isolated: bool
    older_tokens: tuple[OlderToken, ...] = ()
    keeps_tokens: bool = False

    @property
    def config_map(self) -> str:
        """
        The name of the ConfigMap. It has a hash of the description, so that each version keeps its own, to which
        `kubectl rollout undo` can go back.
        """
        return f"{self.names.base}-{short_hash(self.text.encode())}"

    @property
    def secret(self) -> str:
        """
        The name of the Secret. It has no hash of the token: that belongs to the service and not to a version, so it
        can be replaced while pods run, and `kubectl rollout undo` brings no token back that nobody has any more.
        """
        return f"{self.names.base}-token"


def pod_description(text: str) -> str:
    """
    Write a description, a JSON object, as the pods get it.
    """
    content = json.loads(text)
    if content.get("metadata") == {}:  # it had only what the cluster reads
        del content["metadata"]
    shown = json.dumps(content, indent=2, ensure_ascii=False)
    try:
        shown.encode()
    except UnicodeEncodeError:  # half of a pair, which JSON can have and UTF-8 cannot
        shown = json.dumps(content, indent=2)
    return f"{shown}\n"
