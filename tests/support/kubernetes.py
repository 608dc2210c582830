"""
A real API server of Kubernetes, with its controllers and its scheduler, and with the test as its kubelet: no container
runs, and what a kubelet would report of its pods the test writes.

It takes none of this machine's network but two ports of 127.0.0.1. `tests/cluster/up build` makes the programs.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import TIMEOUT
from support.build import need, run

Object = dict[str, Any]

PROGRAMS = Path(os.environ.get("EAS_HOST_CLUSTER") or Path.home() / ".cache" / "eas-host-cluster") / "bin"
NODE = "test-node"
_START_SECONDS = 90
_INTERVAL = 0.1


class ControlPlane:
    """
    Attributes:
        kubeconfig: its file, with which everything is allowed.
        other_kubeconfig: one of the user `other`, who may do what a test allows.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token, self._other_token = secrets.token_hex(16), secrets.token_hex(16)
        self._etcd, self._peer, self._port = free_ports(3)
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._processes: list[subprocess.Popen[bytes]] = []
        self.kubeconfig = folder / "kubeconfig"
        self.other_kubeconfig = folder / "other-kubeconfig"
        self.namespace = "default"

    def start(self) -> None:
        self._write_settings()
        clients, peers = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peer}"
        self._run(
            "etcd",
            f"--data-dir={self._folder}/etcd",
            "--unsafe-no-fsync",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
        )
        self._run(
            "kube-apiserver",
            f"--etcd-servers={clients}",
            "--bind-address=127.0.0.1",
            "--advertise-address=192.0.2.1",  # it must be none of the loopback; nobody connects to it
            f"--secure-port={self._port}",
            f"--cert-dir={self._folder}/pki",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--token-auth-file={self._folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._folder}/sa.key",
            f"--service-account-signing-key-file={self._folder}/sa.key",
        )
        self.wait_for(lambda: self.request("GET", "/readyz?verbose=0", parse=False), _START_SECONDS)
        own = f"--kubeconfig={self.kubeconfig}"
        self._run(
            "kube-controller-manager",
            own,
            "--leader-elect=false",
            "--secure-port=0",
            "--controllers=*,-node-lifecycle-controller",  # it would miss the reports of a kubelet
            f"--service-account-private-key-file={self._folder}/sa.key",
            f"--root-ca-file={self._folder}/pki/apiserver.crt",
        )
        self._run("kube-scheduler", own, "--leader-elect=false", "--secure-port=0")
        self.wait_for(lambda: self.request("GET", "/api/v1/namespaces/default/serviceaccounts/default"))
        self._add_node()

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        for process in self._processes:
            process.wait()

    def request(self, method: str, path: str, body: Object | None = None, *, parse: bool = True) -> Any:  # noqa: ANN401  any JSON
        """What the server answers to a request."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            f"https://127.0.0.1:{self._port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=self._context) as answer:  # noqa: S310
            content = answer.read()
        return json.loads(content) if parse else content

    def objects(self, plural: str, group: str = "api/v1", labels: str = "") -> list[Object]:
        """The objects of a kind in the namespace."""
        query = f"?labelSelector={labels}" if labels else ""
        found = self.request("GET", f"/{group}/namespaces/{self.namespace}/{plural}{query}")["items"]
        assert isinstance(found, list)
        return found

    def pods(self) -> list[Object]:
        """Those that do not end."""
        return [pod for pod in self.objects("pods") if "deletionTimestamp" not in pod["metadata"]]

    def wait_for_pods(self, number: int, fits: Callable[[Object], bool] = lambda _: True) -> list[Object]:
        """The pods that fit, once there are so many."""
        found = self.wait_for(lambda: self._enough(number, fits))
        assert isinstance(found, list)
        return found

    def wait_for_no_pods(self) -> None:
        """Until all that are left end."""
        self.wait_for(lambda: not self.pods())

    def report(self, pod: Object, status: Object) -> None:
        """Says of a pod what its kubelet would."""
        name = pod["metadata"]["name"]
        self.request("PATCH", f"/api/v1/namespaces/{self.namespace}/pods/{name}/status", {"status": status})

    def report_ready(self, pod: Object) -> None:
        """Says that a pod takes requests."""
        self.report(
            pod,
            {
                "phase": "Running",
                "podIP": "10.244.0.2",
                "conditions": [
                    {"type": kind, "status": "True"} for kind in ("PodScheduled", "ContainersReady", "Ready")
                ],
                "containerStatuses": [container_status(pod, ready=True, state={"running": {}})],
            },
        )

    def end_deleted_pods(self) -> None:
        """Says of pods that end that they have."""
        for pod in self.objects("pods"):
            if "deletionTimestamp" in pod["metadata"]:
                name = pod["metadata"]["name"]
                at_once = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
                self.request("DELETE", f"/api/v1/namespaces/{self.namespace}/pods/{name}", at_once)

    def new_namespace(self, name: str) -> None:
        """Begins a namespace of its own for a test."""
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        self.namespace = name
        self.wait_for(lambda: self.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default"))

    def allow_other(self, role: str) -> None:
        """Gives the user `other` a role in the namespace."""
        binding = {
            "metadata": {"name": "other"},
            "subjects": [{"kind": "User", "name": "other", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"},
        }
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}/rolebindings"
        self.request("POST", path, binding)

    def wait_for(self, get: Callable[[], Any], seconds: float = TIMEOUT) -> Any:  # noqa: ANN401  whatever *get* returns
        """What *get* returns, once that is something. A server that starts says nothing of when it is ready."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if found := get():
                    return found
            except (urllib.error.URLError, ConnectionError):
                pass
            for process in self._processes:
                assert process.poll() is None, f"{process.args!r} has ended: {self._folder}"
            assert time.monotonic() < deadline, f"waited for {seconds} s; logs are in {self._folder}"
            time.sleep(_INTERVAL)

    def _enough(self, number: int, fits: Callable[[Object], bool]) -> list[Object] | None:
        found = [pod for pod in self.pods() if fits(pod)]
        return found if len(found) == number else None

    def _write_settings(self) -> None:
        run(need("openssl"), "genrsa", "-out", self._folder / "sa.key", "2048")
        tokens = self._folder / "tokens.csv"
        users = f'{self._token},test,test,"system:masters"\n{self._other_token},other,other\n'
        tokens.write_text(users, encoding="utf-8")
        self._write_kubeconfig(self.kubeconfig, self._token)
        self._write_kubeconfig(self.other_kubeconfig, self._other_token)

    def _write_kubeconfig(self, file: Path, token: str) -> None:
        authority = self._folder / "pki" / "apiserver.crt"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": f"https://127.0.0.1:{self._port}", "certificate-authority": str(authority)},
                }
            ],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        file.write_text(json.dumps(content), encoding="utf-8")

    def _run(self, name: str, *words: str) -> None:
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PROGRAMS / name, *words], cwd=self._folder, stdout=output, stderr=subprocess.STDOUT
            )
        self._processes.append(process)

    def _add_node(self) -> None:
        self.request("POST", "/api/v1/nodes", {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})
        self.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}})  # not-ready, as of each new one
        amounts = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "10Gi"}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ready = {"type": "Ready", "status": "True", "reason": "Test", "lastHeartbeatTime": now}
        self.request(
            "PATCH",
            f"/api/v1/nodes/{NODE}/status",
            {"status": {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}},
        )


def container_status(pod: Object, *, ready: bool = False, **more: object) -> Object:
    """What a kubelet says of the container of the host."""
    container = pod["spec"]["containers"][0]
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        **more,
    }


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """A control plane for a module of tests; without the programs its tests are skipped."""
    if not (PROGRAMS / "kube-apiserver").exists():
        pytest.skip(f"{PROGRAMS} has no kube-apiserver; tests/cluster/up build makes it")
    plane = ControlPlane(folder)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
