"""
What a pod would run serves: the arguments of its container, the description of the ConfigMap, the token of the Secret.
"""

from __future__ import annotations

import base64
from pathlib import Path

from support.fileserver import FileServer
from support.manifests import container_of, make_manifest
from support.service import Services, services, tar
from support.wire import request

__all__ = ["services"]

APP = """\
import allspark, os

class App(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        with open(os.environ["FEATURES"]) as file:
            return data + file.read().encode(), 200
"""


def test_host_of_a_pod_serves_what_the_objects_say(services: Services, server: FileServer, tmp_path: Path) -> None:
    """With the places of the pod in a folder of this test. It fetches the package and what `storage[]` names."""
    server.put("/app.tar.gz", tar(tmp_path / "app.tar.gz", {"app.py": APP}).read_bytes())
    server.put("/features.csv", b" of pod")
    features = tmp_path / "mnt" / "features.csv"
    description = {
        "name": "my_scorer",
        "token": "s3cret",
        "processor_path": server.url("/app.tar.gz"),
        "processor_entry": "app.py",
        "processor_type": "python",
        "processor_envs": {"FEATURES": str(features)},
        "storage": [{"mount_path": "/mnt/features.csv", "oss": {"path": server.url("/features.csv")}}],
        "metadata": {"instance": 2, "cpu": 1, "memory": 1000},
    }
    objects = make_manifest(tmp_path, description, "--log-format", "text", "--worker-threads", "2")
    places = {
        "/processor": tmp_path / "processor",
        "/etc/eas-token": tmp_path / "token",
        "/var/cache/eas-host": services.cache,
        "/mnt": tmp_path / "mnt",
    }
    mounted = {mount["mountPath"] for mount in container_of(objects)["volumeMounts"]}
    assert mounted == {"/processor/service.json", "/etc/eas-token", "/var/cache/eas-host", "/tmp", "/mnt"}  # noqa: S108
    for folder in places.values():
        folder.mkdir(exist_ok=True)
    text = objects["ConfigMap"]["data"]["service.json"].replace('"/mnt/', f'"{tmp_path}/mnt/')
    (places["/processor"] / "service.json").write_text(text, encoding="utf-8")
    for key, content in objects["Secret"]["data"].items():
        (places["/etc/eas-token"] / key).write_bytes(base64.b64decode(content))
    words = container_of(objects)["args"]
    for path, folder in places.items():
        words = [word.replace(path, str(folder)) for word in words]
    command, file, *options = words
    assert options[:2] == ["--listen", "0.0.0.0:8080"]
    host = services.start(Path(file), *options[2:], command=command)
    ping = container_of(objects)["readinessProbe"]["httpGet"]["path"]
    assert host.call(None, ping, "GET").body == b"pong\n"
    with host.connect() as client:
        client.send(request("POST", "/api/predict/my_scorer", b"hello", [("Authorization", "s3cret")]))
        assert client.read().body == b"hello of pod"
    assert host.call(b"hello").status == 401
