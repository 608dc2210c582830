"""
The calls to a cluster, by the client lightkube.

This is the only module that imports lightkube, which is an extra: only a command that asks a cluster imports it, when
its arguments are read. Of lightkube only what is generic is used, so that a new Kubernetes needs no new models.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from eas_host.errors import ClusterError
from eas_host.management.kubernetes_api import FIELD_MANAGER, KubernetesApi, NoSuchObject, NotAllowed, ObjectExists

try:
    import httpx2
    import msgspec
    from lightkube import ApiError, Client
    from lightkube.config.kubeconfig import KubeConfig, SingleConfig
    from lightkube.config.models import User
    from lightkube.core.exceptions import ConfigError as BadKubeConfig
    from lightkube.generic_resource import GenericNamespacedResource, create_api_info
    from lightkube.resources.core_v1 import PodLog
    from lightkube.types import PatchType
except ImportError as error:
    raise ClusterError(
        f"the Python package {error.name} is not installed, and commands on a cluster need it;"
        " `pip install 'eas-host[kubernetes]'` installs it, with Python 3.11 or later"
    ) from error

_SECONDS: Final = 30.0
"""How long an answer may take."""
_POD_SECONDS: Final = 5.0
"""The same of a pod."""
_NOT_FOUND: Final = 404
_ERRORS: Final[Mapping[int, type[ClusterError]]] = {
    401: NotAllowed,
    403: NotAllowed,
    _NOT_FOUND: NoSuchObject,
    409: ObjectExists,
}
"""By the status of an answer."""
_KUBECONFIG: Final = "~/.kube/config"


class Kind(NamedTuple):
    """
    A kind of objects, and where the API has them.
    """

    name: str
    group: str
    version: str
    plural: str


_KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("ConfigMap", "", "v1", "configmaps"),
        Kind("Event", "", "v1", "events"),
        Kind("Pod", "", "v1", "pods"),
        Kind("Secret", "", "v1", "secrets"),
        Kind("Service", "", "v1", "services"),
        Kind("ServiceAccount", "", "v1", "serviceaccounts"),
        Kind("Deployment", "apps", "v1", "deployments"),
        Kind("ReplicaSet", "apps", "v1", "replicasets"),
        Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
        Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
        Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
        Kind("HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes"),
    )
}


class LightkubeApi:
    """
    Implements `KubernetesApi`, where each method is explained.

    Attributes:
        namespace: its name.
        server: the URL of the cluster, for messages.
    """

    def __init__(self, config: SingleConfig, namespace: str) -> None:
        if config.user is None:  # the cluster knows the machine, or a proxy before it does
            config = config._replace(user=User())
        self.namespace = namespace or config.namespace
        self.server = config.cluster.server
        self._plugin = config.user.exec.command if config.user and config.user.exec else ""
        with self._translated_errors():
            timeout = httpx2.Timeout(_SECONDS)
            self._client = Client(config, namespace=self.namespace, timeout=timeout, field_manager=FIELD_MANAGER)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """
        See `KubernetesApi`.
        """
        try:
            with self._translated_errors():
                return dict(self._client.get(_resource(kind), name))
        except NoSuchObject:
            return None

    def find(self, kind: str, labels: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """
        See `KubernetesApi`.
        """
        try:
            with self._translated_errors():
                return [dict(one) for one in self._client.list(_resource(kind), labels=dict(labels or {}))]
        except NoSuchObject:
            return []

    def apply(
        self, thing: Mapping[str, Any], manager: str = FIELD_MANAGER, *, dry_run: bool = False, force: bool = True
    ) -> None:
        """
        See `KubernetesApi`.
        """
        with self._translated_errors(thing):
            self._client.patch(
                _resource(thing["kind"]),
                thing["metadata"]["name"],
                dict(thing),
                patch_type=PatchType.APPLY,
                field_manager=manager,
                force=force,
                dry_run=dry_run,
            )

    def create(self, thing: Mapping[str, Any]) -> None:
        """
        See `KubernetesApi`.
        """
        with self._translated_errors(thing):
            self._client.create(_resource(thing["kind"])(thing))

    def delete(self, kind: str, name: str) -> None:
        """
        See `KubernetesApi`.
        """
        try:
            with self._translated_errors():
                self._client.delete(_resource(kind), name)
        except NoSuchObject:
            pass

    def log(
        self, pod: str, container: str, lines: int, *, previous: bool = False, since: int | None = None
    ) -> list[str]:
        """
        See `KubernetesApi`.
        """
        # What `Client.log` does, which knows no `previous`.
        client = self._client._client  # noqa: SLF001
        wanted = {"container": container, "tailLines": lines, "previous": previous}
        wanted |= {} if since is None else {"sinceSeconds": since}
        with self._translated_errors():
            asked = client.prepare_request("get", PodLog, name=pod, params=wanted)
            answer = client.send(client.build_adapter_request(asked))
            client.raise_for_status(answer)  # type: ignore[no-untyped-call]  # it has no types
            return list(answer.iter_lines())

    def follow_log(self, pod: str, container: str, lines: int) -> Iterator[str]:
        """
        See `KubernetesApi`.
        """
        with self._translated_errors():
            yield from self._client.log(pod, container=container, tail_lines=lines, follow=True, newlines=False)

    def ask_pod(self, pod: str, port: int, path: str, headers: Mapping[str, str]) -> str:
        """
        See `KubernetesApi`.
        """
        client = self._client._client  # noqa: SLF001  as above
        with self._translated_errors():
            asked = client.prepare_request("get", _resource("Pod"), name=f"{pod}:{port}", headers=dict(headers))
            asked.url += f"/proxy/{path}"
            asked.timeout = httpx2.Timeout(_POD_SECONDS)
            answer = client.send(client.build_adapter_request(asked))
            if answer.is_error and not answer.headers.get("Content-Type", "").startswith("application/json"):
                raise ClusterError(f"{pod}: /{path} answers {answer.status_code}: {answer.text.strip()}")
            client.raise_for_status(answer)  # type: ignore[no-untyped-call]  # it has no types
            return str(answer.text)

    @contextmanager
    def _translated_errors(self, thing: Mapping[str, Any] | None = None) -> Iterator[None]:
        where = f"{thing['kind']} {thing['metadata']['name']}: " if thing else ""
        try:
            yield
        except ApiError as error:
            status = error.status
            text = f"{where}the cluster refuses: {status.message or status.reason or error}"
            raise _ERRORS.get(status.code or 0, ClusterError)(text) from error
        except BadKubeConfig as error:
            raise ClusterError(f"the kubeconfig cannot be used: {error}") from error
        except httpx2.HTTPStatusError as error:  # an answer that is none of Kubernetes
            code = error.response.status_code
            raise (NoSuchObject if code == _NOT_FOUND else ClusterError)(
                f"{where}{self.server} answers {code}; is it a Kubernetes?"
            ) from error
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            if self._plugin and not isinstance(error, msgspec.MsgspecError):  # lightkube looks for status and token
                raise self._bad_plugin(error) from error
            # KeyError: lightkube's, of an answer without Content-Type.
            raise ClusterError(f"{where}{self.server} answers what no Kubernetes does: {error}") from error
        except json.JSONDecodeError as error:
            raise self._bad_plugin(error) from error
        except (ValueError, ImportError, httpx2.InvalidURL) as error:
            # Of a certificate that is no base64; of the scheme of a proxy; of the URL of the cluster.
            raise ClusterError(
                f"{self.server} cannot be asked as the kubeconfig, or a variable such as HTTPS_PROXY, says:"
                f" {type(error).__name__}: {error}"
            ) from error
        except (httpx2.HTTPError, OSError) as error:
            raise ClusterError(
                f"{self.server} cannot be asked: {str(error) or type(error).__name__}; is the cluster up, and is"
                " --context the right one?"
            ) from error

    def _bad_plugin(self, error: Exception) -> ClusterError:
        return ClusterError(
            f"{self._plugin}, which the kubeconfig names in `exec`, prints no credential with status.token:"
            f" {type(error).__name__}: {error}"
        )


def open_cluster(context: str = "", namespace: str = "") -> KubernetesApi:
    """
    Find the cluster as kubectl does: the *context*, by default the current one, of KUBECONFIG or ~/.kube/config, and
    without such a file the cluster in which this process runs as a pod. *namespace* replaces that of the context.

    Raises:
        ClusterError: there is none.
    """
    # Only the first of several: lightkube merges none.
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    file = Path(named or _KUBECONFIG).expanduser()
    try:
        if named or file.is_file() or "KUBERNETES_SERVICE_HOST" not in os.environ:
            config = KubeConfig.from_file(file)
        else:
            config = KubeConfig.from_service_account()
        chosen = config.get(context or None)
    except BadKubeConfig as error:
        raise ClusterError(f"no cluster is known: {error}; name one in {file}, as for kubectl") from error
    except Exception as error:  # whatever YAML and lightkube raise for what is no kubeconfig
        raise ClusterError(f"{file}: is no kubeconfig: {type(error).__name__}: {error}") from error
    assert chosen is not None  # for mypy: without a default it raises  # noqa: S101
    return LightkubeApi(chosen, namespace)


@cache
def _resource(kind: str) -> Any:  # noqa: ANN401  lightkube's own class
    """
    The class that stands for a kind in lightkube. Those of its models are another: they would need one for each
    Kubernetes.
    """
    one = _KINDS[kind]
    info = create_api_info(one.group, one.version, one.name, one.plural)
    return type(kind, (GenericNamespacedResource,), {"_api_info": info})
