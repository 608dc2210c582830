"""
The Secret with the token of a service, which gets another token while instances run.

The kubelet of each node puts it into their files, a minute or two later, and the hosts read it then
(`front.settings.token_renewal`). So for that long some know only the old token, and clients may go on with that for a
while: it stays in the Secret, with the time when it ends. Nobody has to come back, and who is interrupted leaves
nothing half done.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.configuration import TOKEN, TOKENS, secret_data
from eas_host.cluster.names import SERVICE_LABEL
from eas_host.config.resolution import make_token
from eas_host.config.token_file import OlderToken, read_tokens, renewed_mark
from eas_host.errors import ClusterError
from eas_host.management.console import Console
from eas_host.management.kubernetes_api import KubernetesApi, ObjectExists
from eas_host.management.revisions import Revision
from eas_host.management.rollout import Patience
from eas_host.management.stored_service import StoredService, labels_of

GRACE_SECONDS: Final = 600.0
"""How long an old token is accepted beside the new one: the nodes need up to two minutes, and clients some, too."""
_INTERVAL: Final = 2.0
"""Seconds between two looks at the logs."""
_OVERLAP: Final = 5
"""Seconds before the last look that are looked at again: the time until a line is in the log of its node."""
_MOST_LINES: Final = 5000
_TRIES: Final = 20
"""Nobody rotates a token as often as that while a version is applied."""


class StoredTokens(NamedTuple):
    """
    What a Secret has.

    Attributes:
        token: what clients are to send.
        older: what is accepted, too.
        secret: all of it, as the cluster has it.
    """

    token: str
    older: tuple[OlderToken, ...]
    secret: dict[str, Any]


def stored_tokens(api: KubernetesApi, service: StoredService) -> StoredTokens:
    """
    Return the tokens of a *service*.

    Raises:
        ClusterError: it has none, or they cannot be read.
    """
    if not service.secret:
        raise ClusterError(
            f"{service.name}: has no token, so whoever reaches it is served; `eas-host modify {service.name} --token"
            " @FILE` gives it one"
        )
    return _read_existing(api, service.name, service.secret)


def kept_token(api: KubernetesApi, running: StoredService, revision: Revision) -> str:
    """
    Return the token that a service has also after a change from *running* to *revision*; empty for none. A token
    belongs to the service, so it stays if the revision is from before the first one. Where all are served now, the one
    of the revision comes back.

    Raises:
        ClusterError: it is lost, or cannot be read.
    """
    secret = running.secret or revision.objects.get("Secret", "")
    return _read_existing(api, running.name, secret).token if secret else ""


def rotate(api: KubernetesApi, service: StoredService, grace: float) -> str:
    """
    Give a *service* another token, and return it. The old one is accepted for *grace* seconds more; 0: all older ones
    end when the instances learn of it.

    Raises:
        ClusterError: it has no token, or the cluster refuses; also if somebody else rotates it at this moment.
    """
    stored = stored_tokens(api, service)
    token = make_token()
    metadata = stored.secret["metadata"]
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if key == SERVICE_LABEL}
    kept = {"labels": metadata.get("labels", {}), "annotations": annotations}
    # With the state that was read, so that of two who rotate at the same time one is refused, and no token is lost.
    state = {"name": service.secret, "resourceVersion": metadata["resourceVersion"]}
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**kept, **state},
            "type": stored.secret["type"],
            "data": secret_data(token, _outlived(stored, grace)),
        }
    )
    return token


def apply_tokens(
    api: KubernetesApi, secret: Mapping[str, Any], service: ClusterService, *, dry_run: bool = False
) -> None:
    """
    Apply the *secret* that instances have for another version, *service*. All tokens stay if that names none, or the
    one that counts already. A file with several lines says itself which are accepted. Any other token is a rotation.

    Raises:
        ClusterError: the tokens cannot be read, or the cluster refuses.
    """
    for left in reversed(range(_TRIES)):
        thing = _renewed(secret, _read(api, secret["metadata"]["name"]), service)
        try:
            api.apply(thing, dry_run=dry_run)
        except ObjectExists:  # somebody has rotated the token since it was read, and that must not be lost
            if not left:
                raise
        else:
            return


def running_instances(api: KubernetesApi, service: StoredService) -> set[str]:
    """
    Return the names of the instances that read the Secret now.
    """
    pods = api.find("Pod", labels_of(service.base))
    return {
        str(pod["metadata"]["name"])
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
    }


def wait_until_known(
    api: KubernetesApi, service: StoredService, token: str, instances: Iterable[str], console: Console, seconds: float
) -> None:
    """
    Wait until all *instances* that are still there have said in their logs that they ask for *token*.

    Raises:
        ClusterError: some have not within so many *seconds*, or somebody else has given the service another token.
    """
    began = looked = time.monotonic()
    waiting, total = set(instances), len(set(instances))
    told = -1
    patience = Patience(console)
    while True:
        waiting &= patience.ask(lambda: running_instances(api, service))
        since, looked = int(time.monotonic() - looked) + _OVERLAP, time.monotonic()
        waiting -= {name for name in waiting if _has_renewed(api, service, name, token, since)}
        if len(waiting) != told:
            told = len(waiting)
            console.ok(f"Waiting [Total: {total}, Pending: {told}, Renewed: {total - told}]")
        if not waiting:
            return
        if patience.ask(lambda: stored_tokens(api, service)).token != token:
            raise ClusterError(
                f"{service.name}: somebody else has given it another token meanwhile, which its instances learn of"
                f" instead; `eas-host token {service.name}` shows it"
            )
        if time.monotonic() - began >= seconds:
            raise ClusterError(
                f"{service.name}: after {seconds:g} s these instances have not said that they know the new token:"
                f" {', '.join(sorted(waiting))}; their logs may say why, or may leave out what is of level INFO"
            )
        time.sleep(_INTERVAL)


def _read_existing(api: KubernetesApi, service: str, secret: str) -> StoredTokens:
    found = _read(api, secret)
    if found is None:
        raise ClusterError(
            f"{service}: its token is lost: there is no Secret {secret} in the namespace {api.namespace};"
            f" `eas-host modify {service} --token @FILE` gives it another one"
        )
    return found


def _read(api: KubernetesApi, name: str) -> StoredTokens | None:
    try:
        secret = api.get("Secret", name)
    except ClusterError as error:
        raise ClusterError(f"the token of the service cannot be read: Secret {name}: {error.message}") from error
    if secret is None:
        return None
    data = {key: base64.b64decode(text).decode() for key, text in (secret.get("data") or {}).items()}
    if TOKEN not in data:
        raise ClusterError(f"Secret {name}: has no {TOKEN}, so it is none that eas-host has made")
    try:
        return StoredTokens(data[TOKEN], read_tokens(data.get(TOKENS, data[TOKEN]))[1], secret)
    except ValueError as error:
        raise ClusterError(f"Secret {name}: {TOKENS}: {error}") from error


def _renewed(secret: Mapping[str, Any], stored: StoredTokens | None, service: ClusterService) -> dict[str, Any]:
    """
    Return *secret* for another version, *service*, with the state that was *stored* when it was read.
    """
    if stored is None:
        return dict(secret)
    token, older = service.token or "", service.older_tokens
    if service.keeps_tokens:
        token, older = stored.token, stored.older
    elif not older:
        older = stored.older if stored.token == token else tuple(_outlived(stored, GRACE_SECONDS))
    metadata = {**secret["metadata"], "resourceVersion": stored.secret["metadata"]["resourceVersion"]}
    return {**secret, "metadata": metadata, "data": secret_data(token, older)}


def _outlived(stored: StoredTokens, grace: float) -> list[OlderToken]:
    """
    Return what is accepted beside the next token.
    """
    now = time.time()
    still = [one for one in stored.older if one.until is None or one.until > now]
    return [OlderToken(stored.token, now + grace), *still] if grace else []


def _has_renewed(api: KubernetesApi, service: StoredService, instance: str, token: str, since: int) -> bool:
    try:
        lines = api.log(instance, service.container["name"], _MOST_LINES, since=since)
    except ClusterError:  # it may be gone by now, and its node away for a moment
        return False
    mark = renewed_mark(token)
    return any(mark in line for line in lines)
